// The tracking page: reads what the link shows, follows it, and draws it. It talks to this origin alone.
const token = location.pathname.split('/').filter(Boolean)[1] ?? ''
const api = `/v1/tracking/${encodeURIComponent(token)}`
const POLL_MS = 15_000
const LINK_ENDED = 404

const $ = (id) => document.getElementById(id)
let shown = null
let source = null
let pollTimer = 0

void begin()

async function begin() {
  await refresh()
  if (document.body.dataset.state !== 'ended') follow()
  setInterval(() => shown && showAge(shown), 20_000)
  // A phone that wakes up has missed what happened meanwhile.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void refresh()
  })
}

async function refresh() {
  try {
    const answer = await fetch(api, { headers: { accept: 'application/json' }, cache: 'no-store' })
    if (answer.status === LINK_ENDED) return showEnd()
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    show(await answer.json())
    notice('')
  } catch {
    notice(shown ? 'No connection. This is the last we know.' : 'No connection. We keep trying.')
    pollSoon()
  }
}

function follow() {
  source?.close()
  source = new EventSource(`${api}/events`)
  source.addEventListener('tracking', (event) => {
    show(JSON.parse(event.data))
    notice('')
  })
  source.addEventListener('error', () => {
    // The browser reconnects by itself unless it was refused; why it was, the state says.
    if (source.readyState === EventSource.CLOSED) void recover()
  })
}

async function recover() {
  await refresh()
  if (document.body.dataset.state !== 'ended') pollSoon()
}

function pollSoon() {
  clearTimeout(pollTimer)
  pollTimer = setTimeout(() => void followAgain(), POLL_MS)
}

async function followAgain() {
  await refresh()
  if (document.body.dataset.state !== 'ended' && source?.readyState !== EventSource.OPEN) follow()
}

function showEnd() {
  source?.close()
  clearTimeout(pollTimer)
  document.body.dataset.state = 'ended'
  say('This link has ended', 'Nothing to see here any more', 'Ask whoever shared it with you for a new one.')
  for (const id of ['map', 'photo', 'facts']) $(id).hidden = true
  notice('')
}

function show(tracking) {
  shown = tracking
  const { status } = tracking
  const hasFailed = status === 'delivery_failed' || status === 'cancelled'
  document.body.dataset.state = hasFailed ? 'failed' : status
  const [line, headline, detail] = wordsFor(tracking)
  say(line, headline, detail)
  showSteps(status)
  showMap(tracking)
  showPhoto(tracking)
  $('facts').hidden = false
  $('window').textContent = span(tracking.window, tracking, { withDay: true })
  showAge(tracking)
}

function wordsFor(tracking) {
  const { status, stopsAhead, eta, window, deliveredAt, undeliveredParcels } = tracking
  const expected = eta ? span(eta, tracking, {}) : span(window, tracking, {})
  switch (status) {
    case 'out_for_delivery':
      if (stopsAhead === 0) return ['You are next', expected, 'The van is on its way to you.']
      if (stopsAhead === 1) return ['On the way', expected, 'One stop before you. We tell you when you are next.']
      return ['On the way', expected, `${stopsAhead} stops before you. We tell you when you are next.`]
    case 'scheduled':
      return [`Planned for ${day(window.start, tracking)}`, expected, 'The time gets more exact once the van has left.']
    case 'delivered':
      return [
        undeliveredParcels ? 'Delivered in part' : 'Delivered',
        deliveredAt ? `Here since ${clock(deliveredAt, tracking)}` : 'Your plants are here',
        undeliveredParcels
          ? `${undeliveredParcels === 1 ? 'One parcel is' : `${undeliveredParcels} parcels are`} missing. We know, and write to you about it.`
          : 'Unpack them soon and give them some water.',
      ]
    case 'delivery_failed':
      return ['Not delivered', 'We could not deliver', 'Your plants are well. We write to you about what comes next.']
    case 'cancelled':
      return ['Cancelled', 'This order was cancelled', 'Nothing will be delivered.']
    default:
      return [`Ordered for ${day(window.start, tracking)}`, expected, 'We plan the route on the day itself.']
  }
}

function say(line, headline, detail) {
  // Unchanged texts are left alone, so that a screen reader does not repeat them.
  for (const [id, text] of [['status', line], ['headline', headline], ['detail', detail]]) {
    if ($(id).textContent !== text) $(id).textContent = text
  }
  document.title = `${line} · UrbanBloom`
}

function notice(text) {
  if ($('notice').textContent !== text) $('notice').textContent = text
}

function showSteps(status) {
  const order = ['confirmed', 'scheduled', 'out_for_delivery', 'delivered']
  const reached = status === 'pending' ? 0 : order.indexOf(status)
  for (const [index, item] of [...$('steps').children].entries()) {
    item.classList.toggle('reached', index <= reached)
    item.classList.toggle('current', index === reached)
    if (index === reached) item.setAttribute('aria-current', 'step')
    else item.removeAttribute('aria-current')
  }
}

function showPhoto({ hasPhoto }) {
  const image = $('photo-image')
  if (hasPhoto && !image.hasAttribute('src')) {
    image.addEventListener('load', () => { $('photo').hidden = false })
    image.src = `${api}/photo`
  }
  if (!hasPhoto) $('photo').hidden = true
}

const WIDTH = 360
const HEIGHT = 300
const MARGIN = 56
const METERS_PER_DEGREE = 111_195
/** Closer than this the map would show nothing but two pins. */
const SMALLEST_SPAN_METERS = 500

function showMap({ map, driverPosition, stopsAhead }) {
  $('map').hidden = map === null
  if (map === null) return
  const points = driverPosition ? [map.hub, map.destination, driverPosition] : [map.hub, map.destination]
  const { project, metersPerUnit } = projection(points)
  const hub = project(map.hub)
  const home = project(map.destination)
  place($('hub'), hub)
  place($('home'), home)
  $('van').hidden = driverPosition === null
  $('van').toggleAttribute('hidden', driverPosition === null)
  const van = driverPosition ? project(driverPosition) : null
  if (van) place($('van'), van)
  $('route-done').setAttribute('d', van ? curve(hub, van) : '')
  $('route-ahead').setAttribute('d', van ? curve(van, home) : curve(hub, home))
  drawScale(metersPerUnit)
  const title = driverPosition
    ? `The van is about ${distance(driverPosition, map.destination)} from you.`
    : stopsAhead ? 'The van appears here once you are the next stop.' : 'Waiting for the position of the van.'
  $('map-caption').textContent = title
  $('map-title').textContent = `Map with our hub, your place and the way between them. ${title}`
}

/** Lengths of the bar, with what is written over it. */
const METERS_PER_MILE = 1_609.344
const SCALES = [
  [152.4, '500 ft'],
  [304.8, '1,000 ft'],
  [METERS_PER_MILE / 4, '¼ mi'],
  [METERS_PER_MILE / 2, '½ mi'],
  ...[1, 2, 5, 10, 20].map((miles) => [miles * METERS_PER_MILE, `${miles} mi`]),
]

/** North is up; a degree of longitude is shorter the further from the equator. */
function projection(points) {
  const latitude = points.reduce((sum, point) => sum + point.latitude, 0) / points.length
  const squeeze = Math.cos((latitude * Math.PI) / 180)
  const flat = points.map((point) => ({
    x: point.longitude * squeeze * METERS_PER_DEGREE,
    y: point.latitude * METERS_PER_DEGREE,
  }))
  const range = (values) => [Math.min(...values), Math.max(...values)]
  const [west, east] = range(flat.map(({ x }) => x))
  const [south, north] = range(flat.map(({ y }) => y))
  const metersPerUnit = Math.max(
    (east - west) / (WIDTH - 2 * MARGIN),
    (north - south) / (HEIGHT - 2 * MARGIN),
    SMALLEST_SPAN_METERS / (WIDTH - 2 * MARGIN),
  )
  const project = (point) => ({
    x: WIDTH / 2 + (point.longitude * squeeze * METERS_PER_DEGREE - (west + east) / 2) / metersPerUnit,
    y: HEIGHT / 2 - (point.latitude * METERS_PER_DEGREE - (south + north) / 2) / metersPerUnit,
  })
  return { project, metersPerUnit }
}

function place(element, { x, y }) {
  element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`
}

/** A gentle bend, because a street is never straight; which one the van takes is not known here. */
function curve(from, to) {
  const bend = 0.14
  const x = (from.x + to.x) / 2 - (to.y - from.y) * bend
  const y = (from.y + to.y) / 2 + (to.x - from.x) * bend
  return `M${from.x.toFixed(1)} ${from.y.toFixed(1)}Q${x.toFixed(1)} ${y.toFixed(1)} ${to.x.toFixed(1)} ${to.y.toFixed(1)}`
}

function drawScale(metersPerUnit) {
  const [meters, label] = SCALES.find(([each]) => each / metersPerUnit > 44) ?? SCALES.at(-1)
  const length = meters / metersPerUnit
  const x = WIDTH - 18 - length
  $('scale-line').setAttribute('d', `M${x} ${HEIGHT - 22}v5h${length}v-5`)
  $('scale-text').setAttribute('x', String(x))
  $('scale-text').setAttribute('y', String(HEIGHT - 26))
  $('scale-text').textContent = label
}

function distance(from, to) {
  const squeeze = Math.cos((from.latitude * Math.PI) / 180)
  const meters = Math.hypot(
    (from.latitude - to.latitude) * METERS_PER_DEGREE,
    (from.longitude - to.longitude) * squeeze * METERS_PER_DEGREE,
  )
  const miles = meters / METERS_PER_MILE
  if (miles < 0.19) return `${Math.max(1, Math.round((miles * 5_280) / 100)) * 100} feet`
  const tenths = miles.toFixed(1)
  return tenths === '1.0' ? 'a mile' : `${tenths} miles`
}

function clock(moment, { timeZone }) {
  return new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', minute: '2-digit' }).format(new Date(moment))
}

function day(moment, { timeZone }) {
  return new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'long', month: 'short', day: 'numeric' }).format(new Date(moment))
}

/** `2:10 – 2:35 PM`, with the day before it where that is asked for. */
function span({ start, end }, { timeZone }, { withDay = false }) {
  const isRound = [start, end].every((moment) => new Date(moment).getUTCMinutes() === 0)
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hour: 'numeric',
    ...(!(withDay && isRound) && { minute: '2-digit' }),
    ...(withDay && { weekday: 'short', month: 'short', day: 'numeric' }),
  })
  return format.formatRange(new Date(start), new Date(end))
}

function showAge({ updatedAt, driverPosition }) {
  const last = Math.max(Date.parse(updatedAt), driverPosition ? Date.parse(driverPosition.recordedAt) : 0)
  const minutes = Math.round((Date.now() - last) / 60_000)
  $('updated').textContent =
    minutes < 1 ? 'just now' : minutes < 60 ? `${minutes} min ago` : clock(new Date(last).toISOString(), shown)
}
