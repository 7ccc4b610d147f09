import path from 'node:path'
import { environmentOf } from './environment.ts'
import { type Manifest, mainContainer, type Workload } from './manifest.ts'

/** The top of this repository. */
export const repository = path.join(import.meta.dirname, '../../..')

/** A program's own function that makes its configuration of an environment. */
export type ReadConfig = (env: Record<string, string>) => object

/** The function with which the program in a pod reads its environment. */
export async function readConfigOf(pod: Workload): Promise<ReadConfig> {
  const image = mainContainer(pod).image ?? ''
  const name = /urbanbloom\/([\w-]+)/.exec(image)?.[1] ?? image
  const folder = name === 'payment-sandbox' ? `packages/${name}` : `services/${name}`
  const { readConfig } = await import(/* @vite-ignore */ path.join(repository, folder, 'src/config.ts'))
  return readConfig
}

/** A pod's environment, with a file of this machine for the one that the pod has mounted. */
export function environmentHere(manifests: readonly Manifest[], pod: Workload): Record<string, string> {
  const { values } = environmentOf(manifests, pod)
  return 'DATABASE_CA_FILE' in values ? { ...values, DATABASE_CA_FILE: import.meta.filename } : values
}

/** The configuration that the program in a pod ends up with. */
export async function configOf(manifests: readonly Manifest[], pod: Workload): Promise<object> {
  const readConfig = await readConfigOf(pod)
  return readConfig(environmentHere(manifests, pod))
}
