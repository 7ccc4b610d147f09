// A program that answers as little as one can: what Fastify and Redis cost by themselves. `catalog.ts` starts it.
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const [port, redisUrl] = process.argv.slice(2)
const redis = new Redis(redisUrl ?? '')
const app = Fastify()

app.get('/empty', async () => ({ ok: true }))
app.get('/redis', async (_request, reply) => reply.type('application/json').send(await redis.get('baseline')))

await app.listen({ port: Number(port), host: '127.0.0.1' })
