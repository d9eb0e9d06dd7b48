import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Dense } from '@typegrad/layers'
import { RemoteMonitor, Sequential } from '@typegrad/model'
import { tensor } from '@typegrad/tensor'

interface Request {
  url: string
  headers: IncomingHttpHeaders
  body: string
}

let server: Server
let root: string
const requests: Request[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => (body += piece))
    request.on('end', () => {
      requests.push({ url: request.url!, headers: request.headers, body })
      response.statusCode = request.url === '/missing' ? 404 : 200
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())
afterEach(() => {
  requests.length = 0
  vi.restoreAllMocks()
})

const x = tensor([[1], [2]])
const train = (monitor: RemoteMonitor): Promise<{ history: Record<string, number[]> }> =>
  new Sequential([new Dense({ units: 1, inputDim: 1 })])
    .compile({ loss: 'mse' })
    .fit(x, x, { epochs: 2, verbose: 0, validationData: [x, x], callbacks: [monitor] })

describe('RemoteMonitor', () => {
  it('posts the figures of every epoch as a form', async () => {
    const { history } = await train(new RemoteMonitor({ root }))
    expect(requests.map(({ url }) => url)).toEqual(['/publish/epoch/end/', '/publish/epoch/end/'])
    expect(requests[0].headers['content-type']).toContain('application/x-www-form-urlencoded')
    expect(requests.map(({ body }) => JSON.parse(new URLSearchParams(body).get('data')!))).toEqual(
      [0, 1].map((epoch) => ({ epoch, loss: history['loss'][epoch], val_loss: history['val_loss'][epoch] })),
    )
  })

  it('posts them as JSON, with headers of yours', async () => {
    await train(new RemoteMonitor({ root, path: '/here', sendAsJson: true, headers: { authorization: 'me' } }))
    const [{ url, headers, body }] = requests
    expect([url, headers['content-type'], headers.authorization]).toEqual(['/here', 'application/json', 'me'])
    expect(JSON.parse(body)).toMatchObject({ epoch: 0 })
  })

  it.each([
    ['that is not there', 'http://127.0.0.1:1', '/'],
    ['that refuses', '', '/missing'],
  ])('says once of a server %s, and goes on', async (_, other, path) => {
    const warn = vi.spyOn(globalThis.console, 'warn').mockImplementation(() => undefined)
    const { history } = await train(new RemoteMonitor({ root: other || root, path }))
    expect(history['loss']).toHaveLength(2)
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^RemoteMonitor: .* could not be reached/))
  })
})
