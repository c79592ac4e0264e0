// Which of two objects was there first: it keeps what both claim.

interface Aged {
  /** 0 when unknown. */
  readonly createdMs: number;
  readonly name: string;
  readonly namespace: string;
}

/** Sorts the older first. An object whose age is unknown is the youngest: it takes nothing away from one that exists. */
export function compareAge(a: Aged, b: Aged): number {
  const [ageA, ageB] = [a.createdMs || Infinity, b.createdMs || Infinity];
  if (ageA !== ageB) return ageA - ageB;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.namespace === b.namespace) return 0;
  return a.namespace < b.namespace ? -1 : 1;
}
