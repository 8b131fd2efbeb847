import { Field } from '@base-ui/react/field';
import type { ComponentProps, ReactNode } from 'react';

interface Props extends Omit<ComponentProps<'input'>, 'onChange' | 'value' | 'defaultValue'> {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  /** The API's words about this field, where it is at fault. */
  error?: string | null;
}

/** A labelled line of text; where the API finds fault with it, it is marked and the API's words are below it. */
export function TextField({ label, value, onChange, hint, error, className, ...rest }: Props) {
  return (
    <Field.Root className={`field ${className ?? ''}`} invalid={Boolean(error)}>
      <Field.Label>{label}</Field.Label>
      <Field.Control {...rest} value={value} onValueChange={(next) => onChange(next)} />
      {hint && <Field.Description className="hint">{hint}</Field.Description>}
      <Field.Error match={Boolean(error)} className="field-error">
        {error}
      </Field.Error>
    </Field.Root>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  error?: string | null;
}

/** A choice of one among a few. */
export function Choice<T extends string>({ label, value, options, onChange, error }: ChoiceProps<T>) {
  return (
    <Field.Root className="field" invalid={Boolean(error)}>
      <Field.Label>{label}</Field.Label>
      <Field.Control
        render={
          <select>
            {options.map((option) => (
              <option key={option.value} value={option.value}>
                {option.label}
              </option>
            ))}
          </select>
        }
        value={value}
        onValueChange={(next) => onChange(next as T)}
      />
      <Field.Error match={Boolean(error)} className="field-error">
        {error}
      </Field.Error>
    </Field.Root>
  );
}

/** Gives the API's words for a field, where its error is about that field. */
export function errorAt(error: { field?: string; message: string } | null | undefined, field: string): string | null {
  return error?.field === field ? error.message : null;
}
