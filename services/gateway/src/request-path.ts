/** Longer URLs than this are refused; ours are far shorter. */
export const URL_LIMIT_CHARACTERS = 8_000

/**
 * A path that can be read in one way only: no empty or dot step, no backslash, semicolon or fragment, and no
 * escape of a character that needs none (`%69`), that separates steps (`%2f`, `%5c`), that escapes again (`%25`)
 * or that is a control character. What the routing table matches is then what the service behind it sees.
 */
const canonicalPath =
  /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))(?:[\w.~!$&'()*+,=:@-]|%(?:2[0-46-9a-cA-C]|3[a-fA-F]|40|5[bdeBDE]|60|7[b-dB-D]|[89a-fA-F][\da-fA-F]))+)+\/?)$/

export function isCanonicalPath(path: string): boolean {
  return canonicalPath.test(path)
}
