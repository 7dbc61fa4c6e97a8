// An issuer of tokens, and tokens of every kind: keys and the token endpoint over https, the endpoint over http, too.
//
// usage: node issuer.mjs FOLDER HTTPS_PORT HTTP_PORT   (certificate and key are FOLDER/broker.pem and broker.key)
// Writes FOLDER/tokens.json when it listens.
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.env.OIDC_PACKAGES}/`)
const { OAuth2Server } = await import(pathToFileURL(require.resolve('oauth2-mock-server')))

const [folder, httpsPort, httpPort] = process.argv.slice(2)
const server = new OAuth2Server(`${folder}/broker.key`, `${folder}/broker.pem`)
server.issuer.url = `https://localhost:${httpsPort}`
await server.issuer.keys.generate('RS256')

const now = Math.floor(Date.now() / 1000)
const good = { aud: 'kafka', sub: 'alice', scope: 'kafka', iat: now, exp: now + 3600 }
// The token endpoint gives what the broker wants, to whoever asks.
server.service.on('beforeTokenSigning', (token) => Object.assign(token.payload, { aud: 'kafka', sub: 'alice' }))

const sign = (issuer, claims) => issuer.buildToken({ scopesOrTransform: (_, payload) => Object.assign(payload, good, claims) })
const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')

// Signs by hand what no library would.
const byHand = (algorithm, signature) => {
  const [key] = server.issuer.keys.toJSON()
  const signed = `${encode({ alg: algorithm, kid: key.kid, typ: 'JWT' })}.${encode({ ...good, iss: server.issuer.url })}`
  return `${signed}.${signature(signed)}`
}
const publicKey = () => crypto.createPublicKey({ key: server.issuer.keys.toJSON()[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })

const other = new OAuth2Server()
other.issuer.url = server.issuer.url
const [key] = server.issuer.keys.toJSON()
await other.issuer.keys.generate('RS256', { kid: key.kid })

const tokens = {
  good: await sign(server.issuer, {}),
  expired: await sign(server.issuer, { iat: now - 3600, exp: now - 60 }),
  foreign: await sign(other.issuer, {}),
  issuer: await sign(server.issuer, { iss: 'https://localhost:1' }),
  audience: await sign(server.issuer, { aud: 'other' }),
  none: byHand('none', () => ''),
  hs256: byHand('HS256', (signed) => crypto.createHmac('sha256', publicKey()).update(signed).digest('base64url')),
}

await server.start(Number(httpsPort), 'localhost')
await new Promise((resolve) => http.createServer(server.service.requestHandler).listen(Number(httpPort), 'localhost', resolve))
fs.writeFileSync(`${folder}/tokens.new`, JSON.stringify(tokens))
fs.renameSync(`${folder}/tokens.new`, `${folder}/tokens.json`)
