/** The sfc32 generator by Chris Doty-Humphrey: small, fast, and the same sequence everywhere for a seed. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = seed | 0
    for (let round = 0; round < 12; round++) this.#next()
  }

  /** A number from 0 (included) to 1 (excluded). */
  unit(): number {
    return (this.#next() >>> 0) / 2 ** 32
  }

  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  #next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result
  }
}
