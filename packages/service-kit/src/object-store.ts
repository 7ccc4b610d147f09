import { ServiceError } from './errors.ts'

/** Where objects are kept: a folder of this machine, or a bucket that speaks S3. */
export type ObjectStoreConfig =
  | { kind: 'folder'; folder: string }
  | {
      kind: 's3'
      bucket: string
      /** Put before every key; empty, or with a slash at its end. */
      prefix: string
      region: string
      /** Another server than Amazon's, such as one on this machine. */
      endpoint: string | undefined
      /** Undefined where the environment has none: then the store does not open. */
      credentials: CredentialSource | undefined
    }

/** How to get the right to sign: fixed keys, or a role that Amazon gives to the pod and renews. */
export type CredentialSource =
  | { kind: 'keys'; accessKeyId: string; secretAccessKey: string; sessionToken: string | undefined }
  /** IAM roles for service accounts: a token in a file is exchanged at STS. */
  | { kind: 'web_identity'; roleArn: string; tokenFile: string; stsUrl: string }
  /** EKS Pod Identity: an agent on the node answers. */
  | { kind: 'container'; url: string; tokenFile: string }

export type StoredObject = { body: Buffer; contentType: string }

export type ObjectStore = {
  /**
   * Writes the object whole or not at all; one with the same key is replaced.
   * @throws ServiceError `object_too_large` (413), `object_store_unavailable` (503), `object_store_timeout` (504).
   */
  put(key: string, body: Uint8Array, options: { contentType: string }): Promise<void>
  /** The object, or null where there is none. Throws like `put`. */
  get(key: string): Promise<StoredObject | null>
  /** Removes the object; one that is not there is fine. Throws like `put`. */
  delete(key: string): Promise<void>
  close(): Promise<void>
}

export type ObjectStoreLimits = {
  /** The largest object that is written or read. */
  maxBytes: number
  /** The longest that one operation may take, retries included; the request's own deadline may be nearer. */
  timeoutMs: number
}

export function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError('too_large', 'object_too_large', `The object is larger than ${maxBytes} bytes`)
}
