// fox-wamp as a plain router: one WebSocket listener on loopback, no trace.
const Router = require('fox-wamp')
const router = new Router()
router.getRealm('realm1', () => {})
router.listenWAMP({ host: '127.0.0.1', port: Number(process.argv[2]) })
