const FACTORS: Record<string, number> = { '': 1, m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

/** Kubernetes' `150m` or `256Mi` as a number of cores or bytes. */
export function quantity(text: string | undefined): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(m|[KMG]i)?$/.exec(text ?? '') ?? []
  const factor = FACTORS[unit]
  if (digits === undefined || factor === undefined) throw new Error(`"${text}" is no quantity`)
  return Number(digits) * factor
}
