import { useNow } from '@/parts/now';
import { TextField } from '@/parts/TextField';
import { shortTime, zonedTime } from '@/words/age';
import { ScheduleError, readSchedule, type Reading } from '@/words/cron';

interface Props {
  value: string;
  onChange: (value: string) => void;
  error: string | null;
}

/** A schedule, with what it says in words and its next five runs. */
export function ScheduleField({ value, onChange, error }: Props) {
  const now = useNow();
  const reading = value.trim() === '' ? null : read(value, now);
  return (
    <div className="schedule">
      <TextField
        label="Schedule"
        value={value}
        onChange={onChange}
        placeholder="0 2 * * *"
        autoComplete="off"
        spellCheck={false}
        required
        className="mono-input"
        hint="Five cron fields, @daily and the like, or @every 8h; in UTC unless it begins with CRON_TZ=<zone>."
        error={error ?? (reading instanceof ScheduleError ? `This schedule ${reading.message}` : null)}
      />
      {reading && !(reading instanceof ScheduleError) && <InWords reading={reading} />}
    </div>
  );
}

function read(text: string, now: Date): Reading | ScheduleError {
  try {
    return readSchedule(text, now);
  } catch (cause) {
    return cause instanceof ScheduleError ? cause : new ScheduleError('cannot be understood');
  }
}

function InWords({ reading }: { reading: Reading }) {
  return (
    <div className="schedule-words" role="status">
      <p>{reading.words}</p>
      {reading.next.length > 0 && (
        <>
          <p className="hint">The next five runs, by your clock. Starts are spread over up to three minutes.</p>
          <ol>
            {reading.next.map((time) => (
              <li key={time.getTime()} title={zonedTime(time)}>
                {shortTime(time)}
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
