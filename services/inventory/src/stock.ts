/** A product's level after it moved. */
export type MovedLevel = { productId: string; onHand: number; reserved: number; soldOutOrBack: boolean }

export type MovedLevelRow = {
  product_id: string
  on_hand: number
  reserved: number
  available_before: number
}

export function toMovedLevel(row: MovedLevelRow): MovedLevel {
  return {
    productId: row.product_id,
    onHand: row.on_hand,
    reserved: row.reserved,
    soldOutOrBack: row.available_before > 0 !== row.on_hand - row.reserved > 0,
  }
}
