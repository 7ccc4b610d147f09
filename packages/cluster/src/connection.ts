import {
  AppsV1Api,
  AutoscalingV2Api,
  BatchV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  ServerConfiguration,
  VersionApi,
} from '@kubernetes/client-node'
import { Failure } from '@urbanbloom/local/failure'
import { sentenceOf } from './api-error.ts'

/** A cluster that answers, and one namespace of it. */
export type Cluster = Readonly<{
  kubeConfig: KubeConfig
  context: string
  server: string
  namespace: string
  isLocal: boolean
  apps: AppsV1Api
  core: CoreV1Api
  autoscaling: AutoscalingV2Api
  batch: BatchV1Api
}>

/** Each call to the API gets as long as this. */
const CALL_LIMIT_MS = 10_000
const localContext = /^(kind-.*|k3d-.*|minikube|docker-desktop)$/
/** This machine, and the networks in which minikube gives its node an address. */
const localHost =
  /^(localhost|kubernetes\.docker\.internal|0\.0\.0\.0|127\.[\d.]+|\[::1\]|192\.168\.(49|39|59|64|99)\.\d+)$/

/** Both must say so, because a context may have any name, and a forwarded port may lead anywhere. */
export function isLocalCluster(context: string, server: string): boolean {
  return localContext.test(context) && URL.canParse(server) && localHost.test(new URL(server).hostname)
}

/**
 * The cluster of the current context, or of `context` where one is named.
 * @throws Failure with what to do when there is no context or its API does not answer within 10 s.
 */
export async function connectCluster(options: { context?: string; namespace: string }): Promise<Cluster> {
  const kubeConfig = loadKubeConfig(options.context)
  const context = kubeConfig.getCurrentContext()
  const server = kubeConfig.getCurrentCluster()?.server
  if (server === undefined) {
    throw new Failure(
      `The context "${context}" names a cluster that the kubeconfig does not hold: see "kubectl config view".`,
    )
  }
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(server.replace(/\/$/, ''), {}),
    authMethods: { default: kubeConfig },
    promiseMiddleware: [
      {
        pre: async (request) => {
          request.setSignal(AbortSignal.timeout(CALL_LIMIT_MS))
          return request
        },
        post: async (response) => response,
      },
    ],
  })
  try {
    await new VersionApi(configuration).getCode()
  } catch (err) {
    throw new Failure(
      `The cluster of the context "${context}" cannot be asked at ${server}: ${sentenceOf(err)}. Does it run, and do ` +
        'you reach it? "kubectl version" asks the same.',
      { cause: err },
    )
  }
  return {
    kubeConfig,
    context,
    server,
    namespace: options.namespace,
    isLocal: isLocalCluster(context, server),
    apps: new AppsV1Api(configuration),
    core: new CoreV1Api(configuration),
    autoscaling: new AutoscalingV2Api(configuration),
    batch: new BatchV1Api(configuration),
  }
}

function loadKubeConfig(context: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig()
  try {
    kubeConfig.loadFromDefault()
  } catch (err) {
    const file = process.env.KUBECONFIG ?? '~/.kube/config'
    throw new Failure(`The kubeconfig ${file} cannot be read: ${sentenceOf(err)}.`, { cause: err })
  }
  const names = kubeConfig.getContexts().map(({ name }) => name)
  // The library makes up a cluster at localhost:8080 where there is no file.
  const isMadeUp = names.length === 1 && names[0] === 'loaded-context'
  const known = isMadeUp || names.length === 0 ? 'none' : names.join(', ')
  if (context !== undefined) {
    if (!names.includes(context))
      throw new Failure(`The kubeconfig has no context "${context}"; it has: ${known}.`)
    kubeConfig.setCurrentContext(context)
  }
  if (isMadeUp || !names.includes(kubeConfig.getCurrentContext())) {
    throw new Failure(
      `No Kubernetes context is chosen (there are: ${known}). Make a cluster, for example with "kind create cluster", ` +
        'or choose one with "kubectl config use-context <name>".',
    )
  }
  return kubeConfig
}
