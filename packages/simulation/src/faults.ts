/** What can be switched on by name: `--fault dead-spots,bad-cards`. All of it is what clients and banks do. */
export const faults = {
  'lost-answers':
    'one answer to a checkout in three is lost on the way, and the app asks again with the same key',
  'double-clicks': 'every second buyer presses the button twice',
  'bad-cards': 'one card in three is declined',
  'slow-bank': 'one payment in four has no answer at first, or fails once',
  'lost-webhooks': 'the bank tells us nothing by itself: what is unsettled has to be asked for',
  'dead-spots':
    'vans have no signal on half of their legs, and send everything later, out of order and twice',
  'wrong-clocks': "the clocks of the drivers' phones are off by up to ten minutes",
  'nobody-home': 'one stop in five fails',
  'broken-leaves': 'half of the customers find something to complain about',
  regrets: 'one order in five is cancelled',
} as const

export type Fault = keyof typeof faults

export function isFault(name: string): name is Fault {
  return Object.hasOwn(faults, name)
}
