import { Notice } from '@/parts/Notice';
import { useSkew } from '@/parts/now';
import { durationInWords } from '@/words/age';
import { isNotable } from '@/words/clock';

/** Says so where the browser's clock and Soteria's differ by so much that ages would be wrong. */
export function ClockNotice() {
  const skew = useSkew();
  if (!isNotable(skew)) return null;
  return (
    <div className="gate">
      <Notice tone="warn" title={`This computer’s clock is ${durationInWords(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} Soteria’s`}>
        Ages are reckoned by Soteria’s clock. Set the one that is wrong.
      </Notice>
    </div>
  );
}
