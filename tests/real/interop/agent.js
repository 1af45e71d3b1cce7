// A person's hands on an unmodified JavaScript client: obeys one JSON command a line on standard
// input, answers one JSON object a line. `node agent.js autobahn` or `node agent.js wampy`.
// interop.py knows the commands; agent.py is the same for Python.
'use strict';

const readline = require('readline');
const ws = require('ws');

// Octets travel in commands as {"$bin": base64}. In JSON sessions WAMP writes them as a string: NUL
// and base64; these two clients leave that to the application.
const decode = (value, json) => {
    if (Array.isArray(value)) {
        return value.map((x) => decode(x, json));
    }
    if (value !== null && typeof value === 'object') {
        if (typeof value.$bin === 'string') {
            return json ? '\0' + value.$bin : Buffer.from(value.$bin, 'base64');
        }
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v, json)]));
    }
    return value;
};

const encode = (value, json) => {
    if (value instanceof Uint8Array) {
        return {$bin: Buffer.from(value).toString('base64')};
    }
    if (Array.isArray(value)) {
        return value.map((x) => encode(x, json));
    }
    if (value !== null && typeof value === 'object') {
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, encode(v, json)]));
    }
    if (json && typeof value === 'string' && value[0] === '\0') {
        return {$bin: value.slice(1)};
    }
    return typeof value === 'bigint' ? Number(value) : value;
};

// the libraries print what callees throw; standard output is for answers
console.log = console.info = console.warn = console.error;

// cbor-x reads octets as Uint8Array and writes one with a tag, a Buffer without
const again = (value) => decode(encode(value, false), false);

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

// unix:/path in place of a host: the ws package's own spelling of it
const address = (url) => url.replace(/^ws:\/\/unix:(.*)$/, 'ws+unix:$1:/ws');

class Autobahn {
    constructor(name) {
        this.autobahn = require('autobahn');
        this.name = name;
        this.kept = {};
    }

    join({url, serializer, realm}) {
        const {autobahn} = this;
        const kinds = require('autobahn/lib/serializer.js');
        const made = {
            json: kinds.JSONSerializer,
            msgpack: kinds.MsgpackSerializer,
            cbor: kinds.CBORSerializer,
        };
        const raw = url.match(/^rs:\/\/(?:unix:(.*)|(.*):(\d+))$/);
        // the library asks for the WebSocket of browsers, which node has since version 22
        globalThis.WebSocket = ws.WebSocket;
        const transport = raw
            ? {type: 'rawsocket', path: raw[1], host: raw[2], port: raw[3] && Number(raw[3])}
            : {type: 'websocket', url: address(url), serializers: [new made[serializer]()]};
        return new Promise((resolve, reject) => {
            this.connection = new autobahn.Connection({
                transports: [transport],
                realm,
                max_retries: 0,
            });
            this.connection.onopen = (session) => {
                this.session = session;
                resolve({session: session.id, features: session.features});
            };
            this.connection.onclose = (reason, details) => {
                reject(new Error(`${reason} ${details && details.reason}`));
                if (this.left) {
                    this.left({reason: details.reason, clean: reason === 'closed'});
                }
                return true; // no reconnect
            };
            this.connection.open();
        });
    }

    leave() {
        return new Promise((resolve) => {
            this.left = resolve;
            this.connection.close();
        });
    }

    async subscribe({topic, options, handle}, event) {
        const hear = (args, kwargs, details) => event(args, kwargs, details.topic);
        this.kept[handle] = await this.session.subscribe(topic, hear, options);
    }

    unsubscribe({handle}) {
        return this.session.unsubscribe(this.kept[handle]);
    }

    async publish({topic, args, kwargs, options}) {
        const done = await this.session.publish(topic, args, kwargs, options);
        return {acknowledged: Boolean(done && done.id)};
    }

    async register({procedure, options, handle, behaviour}) {
        const {Result, Error: WampError} = this.autobahn;
        const does = {
            echo: (args, kwargs) => new Result(args, kwargs),
            name: () => this.name,
            procedure: (args, kwargs, details) => details.procedure,
            fail: (args, kwargs) => {
                throw new WampError('com.clos.error.test', args, kwargs);
            },
            crash: () => {
                throw new Error('out of order');
            },
            progress: (args, kwargs, details) => {
                [0, 1, 2].forEach((x) => details.progress([x], {}));
                return 'end';
            },
        }[behaviour];
        this.kept[handle] = await this.session.register(procedure, does, options);
    }

    unregister({handle}) {
        return this.session.unregister(this.kept[handle]);
    }

    async call({procedure, args, kwargs, options}, progress) {
        try {
            const got = await this.session
                .call(procedure, args, kwargs, options)
                .then((x) => x, undefined, (x) => progress(x));
            if (got instanceof this.autobahn.Result) {
                return {args: got.args, kwargs: got.kwargs};
            }
            return {args: got === null || got === undefined ? [] : [got], kwargs: {}};
        } catch (error) {
            throw {uri: error.error, args: error.args, kwargs: error.kwargs, from: error};
        }
    }
}

class Wampy {
    constructor(name) {
        this.name = name;
        this.kept = {};
    }

    async join({url, serializer, realm}) {
        const {Wampy: Client} = require('wampy');
        const {JsonSerializer} = require('wampy/JsonSerializer.js');
        const {MsgpackSerializer} = require('wampy/MsgpackSerializer.js');
        const {CborSerializer} = require('wampy/CborSerializer.js');
        const made = {json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer};
        class Socket extends ws.WebSocket {
            constructor(_, protocols) {
                super(address(url), protocols);
            }
        }
        this.client = new Client(url.replace(/unix:.*/, 'localhost/ws'), {
            realm,
            ws: Socket,
            serializer: new made[serializer](),
            autoReconnect: false,
            onClose: () => this.left && this.left(),
        });
        await this.client.connect();
        return {session: this.client.getSessionId()};
    }

    async leave() {
        const closed = new Promise((resolve) => {
            this.left = resolve;
        });
        await this.client.disconnect();
        await closed;
        return {reason: 'wamp.close.goodbye_and_out', clean: true};
    }

    async subscribe({topic, options, handle}, event) {
        const hear = ({argsList, argsDict, details}) =>
            event(argsList || [], argsDict || {}, details.topic);
        // with options of any kind, even none, its unsubscribe can't find the subscription again
        const given = Object.keys(options).length > 0 ? options : undefined;
        this.kept[handle] = await this.client.subscribe(topic, hear, given);
    }

    unsubscribe({handle}) {
        return this.client.unsubscribe(this.kept[handle].subscriptionId);
    }

    async publish({topic, args, kwargs, options}) {
        const payload = {argsList: args, argsDict: kwargs};
        const done = await this.client.publish(topic, payload, options);
        return {acknowledged: Boolean(done && done.publicationId)};
    }

    async register({procedure, options, handle, behaviour}) {
        const does = {
            echo: ({argsList, argsDict}) => ({
                argsList: again(argsList || []),
                argsDict: again(argsDict || {}),
            }),
            name: () => ({argsList: [this.name]}),
            procedure: ({details}) => ({argsList: [details.procedure]}),
            fail: ({argsList, argsDict}) => {
                throw {
                    error: 'com.clos.error.test',
                    argsList: again(argsList || []),
                    argsDict: again(argsDict || {}),
                };
            },
            crash: () => {
                throw new Error('out of order');
            },
            progress: ({result_handler: more}) => {
                [0, 1, 2].forEach((x) => more({argsList: [x], options: {progress: true}}));
                return {argsList: ['end']};
            },
        }[behaviour];
        await this.client.register(procedure, does, options);
        this.kept[handle] = procedure;
    }

    unregister({handle}) {
        return this.client.unregister(this.kept[handle]);
    }

    async call({procedure, args, kwargs, options}, progress) {
        const {receive_progress: wanted, ...rest} = options || {};
        const hear = ({argsList}) => progress(argsList[0]);
        const more = wanted ? {...rest, progress_callback: hear} : rest;
        const payload = {argsList: args, argsDict: kwargs};
        const got = await this.client.call(procedure, payload, more);
        return {args: got.argsList || [], kwargs: got.argsDict || {}};
    }
}

const Client = {autobahn: Autobahn, wampy: Wampy}[process.argv[2]];
const people = {};

const obey = async (command) => {
    const {op, id, person} = command;
    if (op === 'join') {
        people[person] = {client: new Client(person), json: command.serializer === 'json'};
    }
    const {client, json} = people[person];
    command.args = command.args && decode(command.args, json);
    command.kwargs = command.kwargs && decode(command.kwargs, json);
    const event = (args, kwargs, topic) =>
        say({
            event: command.handle,
            person,
            topic,
            args: encode(args, json),
            kwargs: encode(kwargs, json),
        });
    const progress = (value) => say({event: command.handle, person, args: [value], kwargs: {}});
    try {
        const done = await client[op](command, op === 'call' ? progress : event);
        say({id, ok: encode(done === undefined || done === true ? {} : done, json)});
    } catch (error) {
        say({
            id,
            error: error.uri || error.error || error.errorUri || String(error.message || error),
            args: encode(error.args || error.argsList || [], json),
            kwargs: encode(error.kwargs || error.argsDict || {}, json),
        });
    }
};

process.on('unhandledRejection', (error) => console.error('unhandled', error));
readline.createInterface({input: process.stdin}).on('line', (line) => {
    const command = JSON.parse(line);
    obey(command).catch((error) => say({id: command.id, error: String(error.stack)}));
}).on('close', () => process.exit(0));
