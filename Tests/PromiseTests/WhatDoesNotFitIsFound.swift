import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// reliability.md §5: whatever got lost is found by looking at how things are, and made right, or shown to a human once.
    @Suite struct WhatDoesNotFitIsFound {
        private func sweep(_ name: Sweep.Name, of clinic: Clinic) async throws -> SweepOutcome {
            let sweep = try #require(clinic.sweeps().first { $0.name == name })
            return try await sweep.round()
        }

        private func booked(_ fixture: ClinicFixture, patient: Int = 0, hour: Int = 9) async throws -> ID<Appointment> {
            let told = try #require(await fixture.book(patient: patient, at: fixture.plan.time(day: 3, hour: hour)).told)
            return told.id
        }

        /// As a program would that forgets half of what it has to write.
        private func cancelHalf(_ id: ID<Appointment>, _ fixture: ClinicFixture, _ engine: Engine) async throws {
            try await fixture.execute(
                """
                UPDATE appointment SET state = 'cancelled', cancelled_by = 'nobody', cancellation_reason = 'other',
                    cancelled_at = \(engine.typed(fixture.clock.now)), updated_at = \(engine.typed(fixture.clock.now))
                WHERE id = \(engine.typed(id))
                """)
        }

        private func tasks(_ fixture: ClinicFixture, onlyOpen: Bool = true) async throws -> [ClinicTask] {
            try await fixture.clinic.tasks(
                onlyOpen: onlyOpen, page: PageRequest(limit: 50), for: .looking(fixture.plan.desk())
            ).elements
        }

        private func complete(_ id: ID<ClinicTask>, _ fixture: ClinicFixture, by caller: Caller? = nil, version: Int? = nil)
            async throws -> Reply<ClinicTask>
        {
            try await fixture.clinic.completeTask(
                TaskTarget(id: id, expectedVersion: version), reason: Personal("called them"),
                call: Call(caller: caller ?? fixture.plan.desk(), requestID: "complete"), wording: .task)
        }

        @Test(arguments: Engine.allCases) func `a time that is claimed for nobody is given back, on every node`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let (lost, kept) = (try await booked(fixture), try await booked(fixture, patient: 1, hour: 10))
                try await cancelHalf(lost, fixture, engine)
                fixture.clock.advance(by: .minutes(3))
                #expect(
                    await fixture.book(patient: 2, at: start).refusal == .practitionerTaken,
                    "the negative control: without the sweep the time is lost")
                let found = try await sweep(.claims, of: fixture.clinic)
                #expect(found.repaired == 2 && found.raised == 0, "the practitioner's and the patient's")
                #expect(found.oldest == fixture.clock.now - .minutes(3))
                #expect(await fixture.book(patient: 2, at: start).told?.state == .booked)
                let again = try await sweep(.claims, of: fixture.clinic)
                #expect(again == SweepOutcome(), "what fits is left alone")
                #expect(
                    await fixture.book(patient: 2, at: fixture.plan.time(day: 3, hour: 10)).refusal == .practitionerTaken,
                    "\(kept)")
            }
        }

        @Test(arguments: Engine.allCases) func `an appointment nobody is claimed for is shown to a human, once`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let id = try await booked(fixture)
                _ = try await booked(fixture, patient: 1, hour: 11)
                try await fixture.execute("DELETE FROM claim WHERE appointment_id = \(engine.typed(id))")
                for round in 0..<3 {
                    let found = try await sweep(.claims, of: fixture.clinic)
                    #expect(found.raised == (round == 0 ? 1 : 0) && found.repaired == 0 && found.oldest != nil)
                }
                let task = try #require(try await tasks(fixture).first)
                #expect(try await tasks(fixture).count == 1)
                #expect(task.kind == .appointmentUnclaimed && task.appointment == id && task.patient == fixture.plan.patient(0))
                #expect(try await fixture.clinic.taskDepth().open == 1)
                // Settled or not, it is one and the same.
                _ = try await complete(task.id, fixture).value()
                #expect(try await sweep(.claims, of: fixture.clinic).raised == 0)
                let (open, all) = (try await tasks(fixture), try await tasks(fixture, onlyOpen: false))
                #expect(open.isEmpty && all.count == 1)
                #expect(try await fixture.clinic.taskDepth().open == 0)
            }
        }

        @Test(arguments: Engine.allCases) func `reminders of what is over are cancelled, and those of what is ahead wait`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let (lost, kept) = (try await booked(fixture), try await booked(fixture, patient: 1, hour: 10))
                try await cancelHalf(lost, fixture, engine)
                let found = try await sweep(.outbox, of: fixture.clinic)
                #expect(found.repaired == 1)
                let waiting = try await fixture.database.read { try $0.fetch(Waiting()) }
                #expect(waiting == [kept.of()])
                #expect(try await sweep(.outbox, of: fixture.clinic) == SweepOutcome())
            }
        }

        @Test(arguments: Engine.allCases) func `a visit ahead whose reminder is lost is reminded of after all, once`(
            engine: Engine
        )
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let (lost, late) = (try await booked(fixture), try await booked(fixture, patient: 1, hour: 10))
                _ = try await booked(fixture, patient: 2, hour: 11)
                let worker = fixture.worker()
                while try await worker.step() > 0 {}
                #expect(try await sweep(.outbox, of: fixture.clinic) == SweepOutcome(), "who has one is left alone")
                try await fixture.execute("DELETE FROM outbox WHERE subject = \(engine.typed(lost))")
                fixture.clock.advance(by: .minutes(3))
                #expect(try await reminders(fixture).count == 2, "the negative control: nobody reminds them")
                let found = try await sweep(.outbox, of: fixture.clinic)
                #expect(found.repaired == 1 && found.oldest == fixture.clock.now - .minutes(3))
                #expect(try await sweep(.outbox, of: fixture.clinic) == SweepOutcome())
                // A day before it is sent; then the second one gets lost.
                fixture.clock.advance(to: fixture.plan.time(day: 2, hour: 12))
                while try await worker.step() > 0 {}
                try await fixture.execute("DELETE FROM outbox WHERE subject = \(engine.typed(late)) AND state = 'ready'")
                #expect(try await sweep(.outbox, of: fixture.clinic).repaired == 1)
                fixture.clock.advance(to: fixture.plan.time(day: 3, hour: 8, minute: 30))
                for _ in 0..<3 {
                    while try await worker.step() > 0 {}
                    #expect(try await sweep(.outbox, of: fixture.clinic).repaired == 0, "what was sent is not sent again")
                }
                for patient in 0..<3 {
                    let notices = try await fixture.clinic.mailbox(
                        of: fixture.plan.patient(patient).of(), page: PageRequest(limit: 50),
                        for: .looking(fixture.plan.patientCaller(patient))
                    ).elements.filter { $0.kind == .reminder }
                    #expect(notices.count == (patient == 2 ? 1 : 2), "\(patient)")
                }
            }
        }

        private func reminders(_ fixture: ClinicFixture) async throws -> [ID<OutboxSubject>] {
            try await fixture.database.read { try $0.fetch(Waiting()) }
        }

        @Test(arguments: Engine.allCases) func `a message that nobody is sending is sent, once`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                house.telephones.behave(.takesAndIsSilent, .takes)
                let told = try #require(await house.fixture.book(patient: 0, at: house.plan.time(day: 3, hour: 9)).told)
                let worker = house.fixture.worker()
                while try await worker.step() > 0 {}
                #expect(try await house.messages(0).map(\.state) == [.queued])
                try await house.fixture.execute("DELETE FROM outbox WHERE topic = 'notice.send'")
                house.clock.advance(by: .minutes(3))
                try await house.deliver()
                #expect(house.telephones.texts.isEmpty, "the negative control: nobody sends it")
                let found = try await sweep(.outbox, of: house.clinic)
                #expect(found.repaired == 1 && found.oldest == house.clock.now - .minutes(3))
                #expect(try await sweep(.outbox, of: house.clinic) == SweepOutcome())
                // It is with the carrier, nobody knows, and its message is lost once more: it is asked about and not sent twice.
                try await house.deliver()
                #expect(try await house.messages(0).map(\.state) == [.sending] && house.telephones.texts.count == 1)
                try await house.fixture.execute("DELETE FROM outbox WHERE topic = 'notice.send'")
                #expect(try await sweep(.outbox, of: house.clinic).repaired == 1)
                try await house.deliver()
                #expect(try await house.messages(0).map(\.state) == [.handedOver] && house.telephones.texts.count == 1, "\(told)")
                #expect(try await sweep(.outbox, of: house.clinic) == SweepOutcome())
            }
        }

        // MARK: Counters

        private func invoiced(_ engine: Engine, _ body: (PayingClinic) async throws -> Void) async throws {
            try await PayingClinic.open(engine) { paying in
                for patient in 0..<5 {
                    let (_, intent) = try await paying.held(patient: patient, at: paying.plan.time(day: 3, hour: 9 + patient))
                    try await paying.tell(paying.desk.pay(intent.id))
                    try await paying.deliver()
                }
                #expect(try await paying.numbers() == Array(1...5))
                #expect(try await sweep(.counters, of: paying.fixture.clinic) == SweepOutcome(), "what fits is left alone")
                #expect(try await problems(paying).isEmpty)
                try await body(paying)
            }
        }

        private func problems(_ paying: PayingClinic) async throws -> [String] {
            try await ClinicCheck.run(paying.fixture.database, newestSchema: Schema.migrations.count).problems
        }

        @Test(arguments: Engine.allCases) func `an invoice that is gone is shown to a human, once`(engine: Engine) async throws {
            try await invoiced(engine) { paying in
                try await paying.fixture.execute("DELETE FROM invoice WHERE number IN (2, 3)")
                for round in 0..<3 {
                    #expect(try await sweep(.counters, of: paying.fixture.clinic).raised == (round == 0 ? 1 : 0))
                }
                let task = try #require(try await tasks(paying.fixture).first)
                let details = try JSON(parsing: task.details)
                #expect(task.kind == .counterDiffers && details["counter"]?.string == "invoice")
                #expect(details["what"]?.string == "missing" && details["from"]?.integer == 2 && details["to"]?.integer == 3)
                #expect(try await problems(paying) == ["no invoice has a number between 1 and 4"])
                // So is the first, and the last: there the counter says more than there is.
                try await paying.fixture.execute("DELETE FROM invoice WHERE number IN (1, 5)")
                #expect(try await sweep(.counters, of: paying.fixture.clinic).raised == 2)
                let last = try #require(try await tasks(paying.fixture).first { $0.details.contains("newest") })
                let beside = try JSON(parsing: last.details)
                #expect(beside["value"]?.integer == 5 && beside["newest"]?.integer == 4)
                #expect(try await problems(paying).count == 2)
            }
        }

        @Test(arguments: Engine.allCases) func `a number that was given twice, and a counter that was set back, are shown, too`(
            engine: Engine
        ) async throws {
            try await invoiced(engine) { paying in
                try await paying.fixture.execute("DROP INDEX invoice_number")
                try await paying.fixture.execute("UPDATE invoice SET number = 3 WHERE number = 4")
                try await paying.fixture.execute("UPDATE counter SET value = 4 WHERE name = 'invoice'")
                let found = try await sweep(.counters, of: paying.fixture.clinic)
                #expect(found.raised == 3 && found.oldest != nil)
                let what = try await tasks(paying.fixture).map { try JSON(parsing: $0.details)["what"]?.string }
                #expect(what == ["value", "twice", "missing"])
                #expect(try await sweep(.counters, of: paying.fixture.clinic).raised == 0)
                #expect(try await problems(paying).count == 3)
            }
        }

        // MARK: Dead letters

        @Test(arguments: Engine.allCases) func `what the outbox gave up is shown to a human, once`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let id = try await booked(fixture)
                let handlers: [String: OutboxHandler] = [
                    Topic.event: .transactional { _, _ in .dead(reason: "planted") }
                ]
                let worker = Outbox(
                    database: fixture.database, surroundings: fixture.surroundings, workerName: "w", handlers: handlers)
                while try await worker.step() > 0 {}
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 1)
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 0)
                let task = try #require(try await tasks(fixture).first)
                #expect(task.kind == .deliveryDead && task.details.contains(Topic.event), "\(task.details) \(id)")
                #expect(try JSON(parsing: task.details)["lastError"]?.string == "planted")
            }
        }

        @Test(arguments: Engine.allCases) func `what dies again after somebody has settled it is shown again`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                _ = try await booked(fixture)
                let worker = Outbox(
                    database: fixture.database, surroundings: fixture.surroundings, workerName: "w",
                    handlers: [Topic.event: .transactional { _, _ in .dead(reason: "planted") }])
                while try await worker.step() > 0 {}
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 1)
                let first = try #require(try await tasks(fixture).first)
                _ = try await complete(first.id, fixture).value()
                let letter = try #require(try await fixture.database.read { try $0.fetch(DeadLetters()) }.first)
                let wording = Wording<Mended>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                fixture.clock.advance(by: .minutes(5))
                _ = try await fixture.clinic.replay(
                    .one(letter.id), call: Call(caller: fixture.plan.admin(), requestID: "replay"), wording: wording
                ).value()
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 0, "it is tried again")
                while try await worker.step() > 0 {}
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 1)
                #expect(try await sweep(.outbox, of: fixture.clinic).raised == 0)
                let second = try #require(try await tasks(fixture).first)
                #expect(second.id != first.id && second.kind == .deliveryDead)
                #expect(try await tasks(fixture, onlyOpen: false).count == 2)
            }
        }

        @Test(arguments: Engine.allCases) func `what cannot be read in the system that is replaced is shown to a human, once`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { replacing in
                replacing.askThere(patient: 0, at: replacing.plan.time(day: 3, hour: 9))
                try await replacing.go(to: .shadow)
                let desk = LegacyDesk(replacing.fixture.clinic, legacy: Illegible(inner: replacing.old, name: "L-77"))
                let sweep = desk.sweep()
                for round in 0..<2 { #expect(try await sweep.round().raised == (round == 0 ? 1 : 0)) }
                let task = try #require(try await replacing.tasks().first)
                #expect(task.kind == .legacyUnreadable)
                #expect(try JSON(parsing: task.details)["theirs"]?.string == "L-77")
            }
        }

        @Test(arguments: Engine.allCases) func `of two who settle a task one does, and whoever may not hears no more`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let clinic = fixture.clinic
                let isNew = try await clinic.database.write { transaction in
                    let draft = TaskDraft(.deliveryDead, key: "one", patient: fixture.plan.patient(0))
                    return (try clinic.raise(draft, in: transaction), try clinic.raise(draft, in: transaction))
                }
                #expect(isNew.0 && !isNew.1)
                let id = try #require(try await tasks(fixture).first).id
                #expect(try await complete(id, fixture, by: fixture.plan.patientCaller(0)).refusal == .notPermitted)
                #expect(try await complete(ID(high: 1, low: 1), fixture).refusal == .recordUnknown)
                #expect(try await complete(id, fixture, version: 7).refusal == .changedMeanwhile)
                async let first = complete(id, fixture)
                async let second = complete(id, fixture, by: fixture.plan.admin())
                let refusals = [try await first.refusal, try await second.refusal]
                #expect(refusals.count { $0 == nil } == 1 && refusals.contains(.transitionNotAllowed), "\(refusals)")
                await #expect(throws: Refusal.notPermitted) {
                    try await clinic.tasks(
                        onlyOpen: true, page: PageRequest(), for: .looking(fixture.plan.practitionerCaller(0)))
                }
            }
        }
    }
}

/// Has one more that nobody can read.
private struct Illegible: LegacySystem {
    let inner: TheOldSystem
    let name: String

    func changes(after change: Int, limit: Int) async -> Ending<LegacyChanges> {
        await inner.changes(after: change, limit: limit).map {
            LegacyChanges(entries: $0.entries, unreadable: [name], last: $0.last, isMore: $0.isMore)
        }
    }
    func find(_ requestID: EffectKey) async -> Ending<LegacyEntry?> { await inner.find(requestID) }
    func book(_ visit: LegacyVisit, requestID: EffectKey) async -> Ending<LegacyEntry> {
        await inner.book(visit, requestID: requestID)
    }
    func cancel(_ id: String, key: EffectKey) async -> Ending<LegacyEntry> { await inner.cancel(id, key: key) }
}

private struct Waiting: Query {
    static let sql: SQL = "SELECT subject FROM outbox WHERE state = 'ready' AND topic = 'appointment.reminder'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<OutboxSubject> { try columns.id(0) }
}

extension Wording where Value == ClinicTask {
    fileprivate static var task: Wording<ClinicTask> {
        Wording(
            done: { StoredAnswer(status: 200, body: Array("\($0.id) \($0.state)".utf8)) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
    }
}
