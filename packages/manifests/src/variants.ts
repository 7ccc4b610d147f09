import type { Manifest } from './manifest.ts'
import { componentNames, renderFolder, renderWith } from './render.ts'

/** Both overlays, and the base with every component that there is. */
export const variants: Record<'local' | 'production' | 'every component', Manifest[]> = {
  local: await renderFolder('overlays/local'),
  production: await renderFolder('overlays/production'),
  'every component': await renderWith(await componentNames()),
}
