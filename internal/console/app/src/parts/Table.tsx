import type { ReactNode } from 'react';
import { plural } from '@/words/size';
import { useAllWhilePrinting } from './printing';

/** A column of a table: its name, and what it says of a line. */
export interface Column<T> {
  label: string;
  cell: (line: T) => ReactNode;
  /** Whether it names the line. */
  names?: boolean;
  /** Whether its name is only read out, since what it holds says what it is. */
  quiet?: boolean;
  className?: string;
}

interface Props<T> {
  /** What the table is of, for those who listen. */
  label: string;
  columns: Column<T>[];
  lines: readonly T[];
  keyOf: (line: T) => string;
  /** How many lines are shown at first, and what a line is: "claim". Print has all. Absent: all are shown. */
  first?: number;
  thing?: string;
  /** Whether the table is scrolled through in a window of its own. */
  tall?: boolean;
}

/** A table. On a phone each line is a card, so that nothing is to be scrolled to sideways. */
export function Table<T>({ label, columns, lines, keyOf, first = Infinity, thing = 'line', tall }: Props<T>) {
  const [all, showAll] = useAllWhilePrinting();
  const shown = all ? lines : lines.slice(0, first);
  return (
    <>
      <div className={tall ? 'table-scroll table-tall' : 'table-scroll'} tabIndex={0} role="group" aria-label={label}>
        <table className="table">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.label} scope="col" className={column.quiet ? 'acts' : undefined}>
                  {column.quiet ? <span className="sr-only">{column.label}</span> : column.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => (
              <tr key={keyOf(line)}>
                {columns.map((column) => (
                  <Cell key={column.label} column={column} line={line} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < lines.length && (
        <button type="button" className="no-print" onClick={showAll}>
          Show all {plural(lines.length, thing)}
        </button>
      )}
    </>
  );
}

function Cell<T>({ column, line }: { column: Column<T>; line: T }) {
  const { names, quiet, label, className, cell } = column;
  if (names) {
    return (
      <th scope="row" className={className}>
        {cell(line)}
      </th>
    );
  }
  return (
    <td className={quiet ? `acts ${className ?? ''}` : className} data-label={quiet ? undefined : label}>
      <div className="cell">{cell(line)}</div>
    </td>
  );
}
