import Notation
import Outbox
import Outbound
import Partners
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

/// Somebody outside, as badly behaved as a test wants them.
final class Subscriber: WebhookCarrier {
    enum Manner: Sendable {
        case takes
        /// Takes it, and their answer is lost.
        case takesUnheard
        /// Takes it, and whoever told it is never heard of again.
        case takesAndWeDie
        case isDown
        case isGone
    }

    struct Told: Sendable {
        let id: String
        let endpoint: String
        let body: [UInt8]
        let secrets: Int
        let at: Instant
    }

    private struct State {
        var manner = Manner.takes
        var script: [Manner] = []
        var told: [Told] = []
        var tries: [Instant] = []
    }
    private let state = Mutex(State())
    private let clock: ManualClock
    /// Somebody who gives a message another name each time.
    private let renames: Bool
    let died = Gate()
    let never = Gate()

    init(_ clock: ManualClock, renames: Bool = false) {
        self.clock = clock
        self.renames = renames
    }

    func become(_ manner: Manner, after script: [Manner] = []) { state.withLock { ($0.manner, $0.script) = (manner, script) } }
    var told: [Told] { state.withLock { $0.told } }
    var tries: [Instant] { state.withLock { $0.tries } }
    /// What they believe to have happened: they go by the identifier.
    var believed: Set<String> { Set(told.map(\.id)) }

    func deliver(_ message: WebhookMessage, to endpoint: WebhookEndpoint) async -> Ending<WebhookAnswer> {
        let manner = state.withLock { state in
            let manner = state.script.isEmpty ? state.manner : state.script.removeFirst()
            state.tries.append(clock.now)
            if manner != .isDown && manner != .isGone {
                let id = renames ? "\(message.id)-\(state.tries.count)" : message.id.text
                state.told.append(
                    Told(
                        id: id, endpoint: endpoint.id, body: message.body, secrets: endpoint.secrets.count, at: clock.now))
            }
            return manner
        }
        switch manner {
        case .takes: return .done(.taken)
        case .takesUnheard, .isDown: return .later(after: nil, reason: "no answer in time")
        case .isGone: return .done(.gone)
        case .takesAndWeDie:
            died.open()
            await never.pass()
            return .done(.taken)
        }
    }
}

private struct DeliveryRow: Query {
    static let sql: SQL = "SELECT state FROM outbox WHERE topic = 'webhook.deliver'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

private struct ActsOnRecord: Query {
    static let sql: SQL = "SELECT act FROM audit WHERE act LIKE 'webhook.%' ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

extension Promises {
    /// HB-4: whoever subscribed is told each change at least once, under one identifier.
    @Suite struct WhoSubscribesIsTold {
        private struct Stage {
            let fixture: ClinicFixture
            let subscriber: Subscriber
            let desk: WebhookDesk
            let engine: Engine

            var admin: Call { .looking(fixture.plan.admin()) }

            func worker(_ surroundings: Surroundings? = nil) -> Outbox {
                Outbox(
                    database: fixture.database, surroundings: surroundings ?? fixture.surroundings, workerName: "worker",
                    handlers: fixture.clinic.deliveries.merging(desk.deliveries) { $1 })
            }

            func run(for span: Span = .zero, step: Span = .seconds(5)) async throws {
                let (worker, end) = (worker(), fixture.clock.now + span)
                while true {
                    try await worker.rescueLeases()
                    while try await worker.step() > 0 {}
                    if fixture.clock.now >= end { return }
                    fixture.clock.advance(by: min(step, end - fixture.clock.now))
                }
            }

            @discardableResult
            func subscribe(_ events: [WantedEvent] = [.all]) async throws -> (webhook: Webhook, secret: ShownSecret) {
                try await fixture.clinic.createWebhook(
                    WebhookDraft(
                        url: Personal("https://hooks.example.com/quaxpath"), description: Personal("quaxlab"), events: events),
                    for: admin)
            }

            func book(_ patient: Int = 0, hour: Int = 9) async throws -> Told {
                try #require(await fixture.book(patient: patient, at: fixture.plan.time(day: 5, hour: hour)).told)
            }

            func changes() async throws -> [String] {
                try await fixture.clinic.changes(.beginning, limit: 1_000, for: admin).changes.map { "\($0.id)" }
            }

            func deliveries(_ id: ID<Webhook>) async throws -> [WebhookDelivery] {
                try await fixture.clinic.webhookDeliveries(of: id, page: PageRequest(limit: 200), for: admin).elements
            }

            func acts() async throws -> [String] { try await fixture.database.read { try $0.fetch(ActsOnRecord()) } }

            func tasks() async throws -> [ClinicTask] {
                try await fixture.clinic.tasks(onlyOpen: true, page: PageRequest(limit: 50), for: admin).elements
            }
        }

        private func open(
            _ engine: Engine, renames: Bool = false, _ body: (Stage) async throws -> Void
        ) async throws {
            var settings = ClinicSettings()
            settings.remindersBefore = []
            try await ClinicFixture.open(engine, settings: settings) { fixture in
                let subscriber = Subscriber(fixture.clock, renames: renames)
                let desk = WebhookDesk(fixture.clinic, carrier: subscriber)
                try await body(Stage(fixture: fixture, subscriber: subscriber, desk: desk, engine: engine))
            }
        }

        @Test(arguments: Engine.allCases)
        func `who subscribes is told each change at least once, with one id, whoever dies in between`(engine: Engine) async throws
        {
            try await open(engine) { stage in
                let (fixture, subscriber, desk) = (stage.fixture, stage.subscriber, stage.fixture.plan.desk())
                let webhook = try await stage.subscribe().webhook
                subscriber.become(.takes, after: [.takesUnheard, .isDown])
                let first = try await stage.book()
                _ = await fixture.move(first.id, to: fixture.plan.time(day: 6, hour: 9), by: desk)
                try await stage.run(for: .minutes(10))
                #expect(try await stage.changes().allSatisfy { subscriber.believed.contains($0) })
                // A worker that tells it and dies before it could write that down: its clock stands, so it keeps no lease.
                subscriber.become(.takes, after: [.takesAndWeDie])
                await fixture.cancel(first.id, by: desk)
                var surroundings = fixture.surroundings
                surroundings.clock = ManualClock(fixture.clock.now)
                let dying = stage.worker(surroundings)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { while try await dying.step() > 0 {} }
                    await subscriber.died.pass()
                    let before = subscriber.told.count
                    try await stage.run(for: .minutes(2))
                    #expect(subscriber.told.count == before + 1, "it is told once more")
                    subscriber.never.open()
                    try await group.waitForAll()
                }
                let changes = try await stage.changes()
                #expect(changes.count == 3 && subscriber.believed == Set(changes), "each change, and nothing else")
                #expect(subscriber.told.count > changes.count)
                for (_, told) in Dictionary(grouping: subscriber.told, by: \.id) {
                    #expect(Set(told.map(\.body)).count == 1, "byte for byte")
                }
                let deliveries = try await stage.deliveries(webhook.id)
                #expect(deliveries.count == 3 && deliveries.allSatisfy { $0.state == .delivered && $0.nextAt == nil })
                // Nothing about a person leaves the house.
                let body = try #require(subscriber.told.first.map { String(decoding: $0.body, as: UTF8.self) })
                let json = try JSON(parsing: body)
                #expect(json.members?.map(\.name) == ["id", "type", "timestamp", "data"])
                #expect(json["data"]?["resource"]?["id"]?.string == "\(first.id)" && !body.contains("patient"))
            }
        }

        @Test(arguments: Engine.allCases) func `would be seen: a message that is lost, and a name that changes`(engine: Engine)
            async throws
        {
            try await open(engine, renames: true) { stage in
                try await stage.subscribe()
                stage.subscriber.become(.takes, after: [.takesUnheard])
                _ = try await stage.book()
                try await stage.run(for: .minutes(1))
                #expect(stage.subscriber.believed.count == 2, "the negative control: another name is another change to them")
                stage.subscriber.become(.isDown)
                _ = try await stage.book(1, hour: 11)
                try await stage.run()
                try await stage.fixture.execute("DELETE FROM outbox WHERE topic = 'webhook.deliver'")
                stage.subscriber.become(.takes)
                try await stage.run(for: .minutes(10))
                #expect(stage.subscriber.believed.count == 2, "the negative control: nobody tells what lies nowhere")
            }
        }

        @Test(arguments: Engine.allCases)
        func `who does not answer is told again after the pauses of the specification, and then a human hears, once`(
            engine: Engine
        ) async throws {
            try await open(engine) { stage in
                let webhook = try await stage.subscribe().webhook
                stage.subscriber.become(.isDown)
                for hour in 9..<12 { _ = try await stage.book(hour - 9, hour: hour) }
                try await stage.run(for: .hours(90), step: .minutes(15))
                let deliveries = try await stage.deliveries(webhook.id)
                #expect(deliveries.map(\.state) == [.failed, .failed, .failed] && deliveries.allSatisfy { $0.attempts == 10 })
                #expect(deliveries.allSatisfy { $0.lastResult == "no answer in time" })
                #expect(stage.subscriber.tries.count == 30)
                let span = try #require(stage.subscriber.tries.last) - stage.subscriber.tries[0]
                let whole = WebhookSchedule.pauses.reduce(Span.zero, +)
                #expect(span >= whole && span <= whole + .hours(16))
                for sweep in stage.fixture.clinic.sweeps() where sweep.name == .outbox { _ = try await sweep.round() }
                let tasks = try await stage.tasks().filter { $0.kind == .deliveryDead }
                #expect(tasks.count == 1, "one for a webhook and a day")
                // Somebody mended it: what was given up is told after all.
                stage.subscriber.become(.takes)
                let dead = try await stage.fixture.clinic.deadLetters(
                    DeadLetterFilter(topic: Topic.webhook), page: PageRequest(limit: 10), for: stage.admin)
                #expect(dead.elements.count == 3)
            }
        }

        @Test(arguments: Engine.allCases) func `who is gone is told nothing more, and a human is to know`(engine: Engine)
            async throws
        {
            try await open(engine) { stage in
                let (webhook, other) = (try await stage.subscribe().webhook, try await stage.subscribe().webhook)
                stage.subscriber.become(.takes, after: [.isDown, .isDown])
                _ = try await stage.book()
                try await stage.run()
                #expect(stage.subscriber.tries.count == 2)
                stage.subscriber.become(.takes, after: [.isGone])
                stage.fixture.clock.advance(by: .seconds(6))
                let one = stage.worker()
                _ = try await one.step()
                let all = try await stage.fixture.clinic.webhooks(for: stage.admin)
                let gone = try #require(all.first { $0.state == .disabled })
                #expect(gone.disabling?.because == .gone && all.count { $0.state == .disabled } == 1)
                #expect([webhook.id, other.id].contains(gone.id))
                #expect(try await stage.acts().contains("webhook.gone"))
                #expect(try await stage.tasks().map(\.kind) == [.webhookGone])
                let before = stage.subscriber.told.count { $0.endpoint.hasPrefix("\(gone.id)") }
                _ = try await stage.book(1, hour: 12)
                try await stage.run(for: .minutes(10))
                #expect(stage.subscriber.told.count { $0.endpoint.hasPrefix("\(gone.id)") } == before)
                #expect(stage.subscriber.believed.count == 2, "the other one is told")
                #expect(try await stage.deliveries(gone.id).allSatisfy { $0.state == .cancelled })
                // Enabled again, it hears what changes from then on.
                _ = try await stage.fixture.clinic.enableWebhook(
                    WebhookTarget(id: gone.id), call: stage.admin, wording: .silent()
                ).value()
                _ = try await stage.book(2, hour: 13)
                try await stage.run()
                #expect(try await stage.deliveries(gone.id).first?.state == .delivered)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a new secret signs at once, the old one for a day more, and neither lies readable anywhere`(engine: Engine)
            async throws
        {
            var text = ""
            try await WhatIsKept.open(engine) { kept in
                let subscriber = Subscriber(kept.fixture.clock)
                let desk = WebhookDesk(kept.fixture.clinic, carrier: subscriber)
                let stage = Stage(fixture: kept.fixture, subscriber: subscriber, desk: desk, engine: engine)
                let (webhook, secret) = try await stage.subscribe()
                let (_, next) = try await kept.fixture.clinic.rotateWebhookSecret(of: webhook.id, for: stage.admin)
                text = secret.text
                #expect(next.text != text && text.hasPrefix("whsec_") && text.utf8.count == 50)
                _ = try await stage.book()
                try await stage.run()
                #expect(subscriber.told.map(\.secrets) == [2])
                stage.fixture.clock.advance(by: .hours(24))
                _ = try await stage.book(1, hour: 12)
                try await stage.run()
                #expect(subscriber.told.map(\.secrets) == [2, 1])
                for secret in [text, next.text, "quaxpath", "quaxlab"] {
                    let bare = secret.hasPrefix("whsec_") ? String(secret.dropFirst(6)) : secret
                    #expect(try await !kept.contains(bare), "\(secret)")
                    #expect(try await !kept.contains(secret), "\(secret)")
                }
                #expect(try await stage.acts() == ["webhook.created", "webhook.secret-rotated"])
                // Nobody else reads it either.
                await #expect(throws: Refusal.notPermitted) {
                    try await kept.fixture.clinic.webhooks(for: .looking(kept.fixture.plan.desk()))
                }
            }
        }

        @Test(arguments: Engine.allCases) func `each hears what they asked for, and nothing after they were taken away`(
            engine: Engine
        )
            async throws
        {
            try await open(engine) { stage in
                let (all, some) = (
                    try await stage.subscribe().webhook, try await stage.subscribe([.kind(.cancelled)]).webhook
                )
                let told = try await stage.book()
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                try await stage.run()
                #expect(try await stage.deliveries(all.id).map(\.kind) == ["appointment.cancelled", "appointment.booked"])
                #expect(try await stage.deliveries(some.id).map(\.kind) == ["appointment.cancelled"])
                _ = try await stage.fixture.clinic.testWebhook(some.id, call: stage.admin, wording: .silent()).value()
                try await stage.run()
                #expect(try await stage.deliveries(some.id).first?.kind == "webhook.test")
                stage.subscriber.become(.isDown)
                _ = try await stage.book(1, hour: 12)
                try await stage.run()
                let tries = stage.subscriber.tries.count
                for id in [all.id, some.id] {
                    _ = try await stage.fixture.clinic.deleteWebhook(
                        WebhookTarget(id: id), call: stage.admin, wording: .silent()
                    ).value()
                }
                try await stage.run(for: .minutes(10))
                #expect(stage.subscriber.tries.count == tries)
                #expect(try await stage.fixture.database.read { try $0.fetch(DeliveryRow()) }.allSatisfy { $0 != "ready" })
                await #expect(throws: Refusal.recordUnknown) { try await stage.deliveries(all.id) }
            }
        }

        /// MA-7: however many are told, whoever books pays for none of them.
        @Test(arguments: Engine.allCases) func `a booking writes as much with fifty subscribers as with none`(engine: Engine)
            async throws
        {
            let counter = Mutex(0)
            let counted = CountedWrites { counter.withLock { $0 += 1 } }
            try await ClinicFixture.open(engine, sabotage: { counted.around($0) }) { fixture in
                func writes(_ patient: Int, _ hour: Int) async throws -> Int {
                    let before = counter.withLock { $0 }
                    _ = try #require(await fixture.book(patient: patient, at: fixture.plan.time(day: 5, hour: hour)).told)
                    return counter.withLock { $0 } - before
                }
                _ = try await writes(0, 9)
                let alone = try await writes(1, 10)
                for _ in 0..<50 {
                    _ = try await fixture.clinic.createWebhook(
                        WebhookDraft(url: Personal("https://hooks.example.com/"), description: nil, events: [.all]),
                        for: .looking(fixture.plan.admin()))
                }
                #expect(try await writes(2, 11) == alone && alone > 3)
                let before = counter.withLock { $0 }
                let worker = fixture.worker()
                while try await worker.step() > 0 {}
                #expect(counter.withLock { $0 } - before > 100, "the negative control: whoever delivers writes them down")
            }
        }
    }
}

/// Counts what is written.
private struct CountedWrites: Sendable {
    let note: @Sendable () -> Void
    func around(_ inner: any Database) -> any Database { TamperedDatabase(inner) { Counting($0, note) } }

    private final class Counting: PassingTransaction {
        private let note: @Sendable () -> Void
        init(_ inner: any WriteTransaction, _ note: @escaping @Sendable () -> Void) {
            self.note = note
            super.init(inner)
        }
        override func run<Asked: Command>(_ command: Asked) throws -> Int {
            note()
            return try super.run(command)
        }
        override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
            note()
            try super.post(command, orElse: fault)
        }
    }
}

extension Wording {
    fileprivate static func silent() -> Wording {
        Wording(
            done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
    }
}
