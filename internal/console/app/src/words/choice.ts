import type { ClaimChoice } from '@/api/types';

/** Whether a claim's manifest asks that it starts empty. Where the reason of a skip is not written down, the choice names nothing at all. */
export function startsEmpty({ skip, as_of, backup, from }: ClaimChoice): boolean {
  return skip !== undefined || !(as_of ?? backup ?? from);
}

/** Whether a claim's choice has had its use, and would act again if the claim were made anew. */
export function actsAgain({ spent, expired }: ClaimChoice): boolean {
  return !!spent && !expired;
}

/** Says what a claim's choice is for, in a headline. */
export function choiceInWords(choice: ClaimChoice): string {
  const empty = startsEmpty(choice);
  if (choice.expired) return `The manifest asks ${empty ? 'to start empty' : 'for a backup'}, which does not count any more`;
  if (actsAgain(choice)) return `If this claim were made again, it would ${empty ? 'start empty again' : 'get this backup again'}`;
  return empty ? 'The manifest says that this claim starts empty' : 'The manifest says which backup this claim gets';
}
