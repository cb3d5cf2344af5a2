import Notation
import Outbox
import Partners
import Processes
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

/// A broker whose confirmations may be lost.
private final class Forgetful: MessageBroker {
    private let inner: any MessageBroker
    private let loses = Mutex(0)
    let published = Notes<String>()

    init(_ inner: any MessageBroker) { self.inner = inner }

    func lose(_ count: Int) { loses.withLock { $0 = count } }

    func publish(_ message: BrokerMessage) async -> Ending<BrokerAnswer> {
        let ending = await inner.publish(message)
        published.add("\(message.topic) \(message.id)")
        let isLost = loses.withLock { loses in
            loses -= 1
            return loses >= 0
        }
        return isLost ? .later(after: nil, reason: "no confirmation came in time") : ending
    }
}

/// HB-4: each change stands on a hospital's bus, at least once and, for each appointment, in its order. With a real RabbitMQ.
@Suite(.serialized) struct TheBusHearsOfEverything {
    private static func settings(_ publishes: Bool) -> ClinicSettings {
        var settings = ClinicSettings()
        settings.remindersBefore = []
        settings.publishesEvents = publishes
        return settings
    }

    private func run(_ fixture: ClinicFixture, _ broker: any MessageBroker, for span: Span = .zero, _ reports: Notes<BusReport>)
        async throws
    {
        let desk = BusDesk(fixture.clinic, broker: broker) { reports.add($0) }
        let worker = Outbox(
            database: fixture.database, surroundings: fixture.surroundings, workerName: "worker",
            handlers: fixture.clinic.deliveries.merging(desk.deliveries) { $1 })
        let end = fixture.clock.now + span
        while true {
            while try await worker.step() > 0 {}
            if fixture.clock.now >= end { return }
            fixture.clock.advance(by: min(.seconds(30), end - fixture.clock.now))
        }
    }

    private func changes(_ fixture: ClinicFixture) async throws -> [Change] {
        try await fixture.clinic.changes(.beginning, limit: 1_000, for: .looking(fixture.plan.admin())).changes
    }

    private func taken(_ queue: String, _ broker: TrialBroker) async throws -> [JSON] {
        var all: [JSON] = []
        while let text = try await broker.take(queue) { all.append(try JSON(parsing: text)) }
        return all
    }

    @Test(arguments: Engine.allCases)
    func
        `each change is published under its own identifier, again when its confirmation is lost, and in the order of its appointment`(
            engine: Engine
        ) async throws
    {
        try await TrialBroker.run { broker in
            for kind in ["appointment.booked", "appointment.rescheduled", "appointment.cancelled"] {
                try await broker.makeQueue(kind)
            }
            try await ClinicFixture.open(engine, settings: Self.settings(true)) { fixture in
                let (forgetful, reports) = (Forgetful(try broker.connector()), Notes<BusReport>())
                forgetful.lose(1)
                let first = try #require(await fixture.book(patient: 0, at: fixture.plan.time(day: 5, hour: 9)).told)
                _ = await fixture.move(first.id, to: fixture.plan.time(day: 6, hour: 9), by: fixture.plan.desk())
                await fixture.cancel(first.id, by: fixture.plan.desk())
                _ = try #require(await fixture.book(patient: 1, at: fixture.plan.time(day: 5, hour: 10)).told)
                try await run(fixture, forgetful, for: .minutes(2), reports)
                let told = try await changes(fixture)
                #expect(told.count == 4 && reports.all.count { $0.outcome == .later } == 1)
                // Of one appointment, nothing is published before what came earlier was taken.
                let own = Set(told.filter { $0.resourceID == first.id.of() }.map { "\($0.id)" })
                let order = forgetful.published.all.map { String($0.split(separator: " ")[1]) }.filter(own.contains)
                let known = told.filter { own.contains("\($0.id)") }.sorted { $0.version < $1.version }.map { "\($0.id)" }
                #expect(order.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } } == known)
                var heard: [JSON] = []
                for kind in ["appointment.booked", "appointment.rescheduled", "appointment.cancelled"] {
                    let all = try await taken(kind, broker)
                    #expect(all.allSatisfy { $0["type"]?.string == kind })
                    heard += all
                }
                #expect(Set(heard.compactMap { $0["id"]?.string }) == Set(told.map { "\($0.id)" }))
                #expect(heard.count >= told.count)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `what no queue takes is tried for two days, and is then a dead letter of its own that keeps nothing else waiting`(
        engine: Engine
    ) async throws {
        try await TrialBroker.run { broker in
            try await ClinicFixture.open(engine, settings: Self.settings(true)) { fixture in
                let (connector, reports) = (try broker.connector(), Notes<BusReport>())
                let told = try #require(await fixture.book(patient: 0, at: fixture.plan.time(day: 5, hour: 9)).told)
                try await run(fixture, connector, for: .minutes(1), reports)
                #expect(reports.all.last?.reason == "no queue takes it")
                try await broker.makeQueue("appointment.cancelled")
                try await fixture.execute("UPDATE outbox SET attempt = 99 WHERE topic = 'bus.publish'")
                await fixture.cancel(told.id, by: fixture.plan.desk())
                try await run(fixture, connector, for: .hours(1), reports)
                let dead = try await fixture.clinic.deadLetters(
                    DeadLetterFilter(topic: Topic.bus), page: PageRequest(limit: 10), for: .looking(fixture.plan.admin())
                ).elements
                #expect(dead.count == 1 && reports.all.contains { $0.outcome == .failed })
                #expect(try await taken("appointment.cancelled", broker).count == 1, "the next one passes")
            }
        }
    }

    @Test func `would be seen: a clinic that publishes nothing leaves nothing on the bus`() async throws {
        try await TrialBroker.run { broker in
            try await broker.makeQueue("appointment.booked")
            try await ClinicFixture.open(settings: Self.settings(false)) { fixture in
                let reports = Notes<BusReport>()
                _ = try #require(await fixture.book(patient: 0, at: fixture.plan.time(day: 5, hour: 9)).told)
                try await run(fixture, try broker.connector(), reports)
                #expect(try await taken("appointment.booked", broker).isEmpty && reports.all.isEmpty, "the negative control")
            }
        }
    }
}
