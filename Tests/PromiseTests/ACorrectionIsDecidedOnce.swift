import Notation
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// A request for correction is decided once, and never changes what was changed since it was asked (45 CFR 164.526).
    @Suite struct ACorrectionIsDecidedOnce {
        private func ask(_ fixture: ClinicFixture, patient: Int = 1, to name: String = "Emma Smith") async throws -> Reply<
            Correction
        > {
            let id = fixture.plan.patient(patient).of(Patient.self)
            let desk = Call(caller: fixture.plan.desk(), requestID: "ask")
            let says = try await fixture.clinic.patient(id, for: desk).name
            return try await fixture.clinic.askCorrection(
                CorrectionRequest(field: .name, says: says, shouldSay: Personal(name), statement: Personal("married")), of: id,
                call: desk, wording: .correction)
        }

        private func accept(_ id: ID<Correction>, at clinic: Clinic, _ plan: ClinicPlan) async throws -> Reply<Correction> {
            try await clinic.acceptCorrection(
                CorrectionTarget(id: id), call: Call(caller: plan.admin(), requestID: "accept"), wording: .correction)
        }

        private func deny(_ id: ID<Correction>, at clinic: Clinic, _ plan: ClinicPlan) async throws -> Reply<Correction> {
            try await clinic.denyCorrection(
                CorrectionTarget(id: id), on: .accurate, reason: Personal("it is right"),
                call: Call(caller: plan.admin(1), requestID: "deny"), wording: .correction)
        }

        private func name(_ patient: Int, _ fixture: ClinicFixture) async throws -> String {
            try await fixture.clinic.patient(
                fixture.plan.patient(patient).of(), for: Call(caller: fixture.plan.desk(), requestID: "look")
            ).name.revealed
        }

        @Test(arguments: Engine.allCases) func `of two who decide at once, one does`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let another = try await fixture.anotherClinic()
                for patient in 0..<8 {
                    let correction = try await ask(fixture, patient: patient).value()
                    async let yes = accept(correction.id, at: fixture.clinic, fixture.plan)
                    async let no = deny(correction.id, at: another, fixture.plan)
                    let refusals = [try await yes.refusal, try await no.refusal]
                    #expect(refusals.count { $0 == nil } == 1, "\(refusals)")
                    #expect(refusals.contains(.transitionNotAllowed) || refusals.contains(.changedMeanwhile))
                    let isNew = try await name(patient, fixture) == "Emma Smith"
                    #expect(isNew == (refusals[0] == nil))
                }
                let notices = try await fixture.database.read { try $0.first(CorrectionNotices()) }
                #expect(notices == 8, "each patient is told once")
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: who goes by an old look is stopped by the version, and without it decides again`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let correction = try await ask(fixture).value()
                let memory = Memory()
                func stale(unchecked: Bool) -> Clinic {
                    Clinic(
                        database: TamperedDatabase(fixture.database) { OldLook($0, memory, unchecked: unchecked) },
                        surroundings: fixture.surroundings, master: TestKeys.master)
                }
                let careful = stale(unchecked: false)
                _ = try await deny(correction.id, at: careful, fixture.plan).value()
                let second = try await accept(correction.id, at: careful, fixture.plan)
                #expect(second.refusal == .changedMeanwhile)
                let rash = try await accept(correction.id, at: stale(unchecked: true), fixture.plan)
                #expect(rash.refusal == nil, "the negative control: decided twice")
            }
        }

        @Test(arguments: Engine.allCases) func `what was changed since is not changed by it, and the field is named`(
            engine: Engine
        )
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let (clinic, plan) = (fixture.clinic, fixture.plan)
                let correction = try await ask(fixture).value()
                let desk = Call(caller: plan.desk(), requestID: "change")
                var patient = try await clinic.patient(plan.patient(1).of(), for: desk)
                patient.name = Personal("Emma Meanwhile")
                patient.version += 1
                let silent = Wording<Patient>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                _ = try await clinic.store(patient, call: desk, wording: silent).value()
                let refused = try await accept(correction.id, at: clinic, plan)
                #expect(refused.refusal == .nameDiffers)
                #expect(try await name(1, fixture) == "Emma Meanwhile")
                #expect(try await clinic.correction(correction.id, for: desk).state == .open)
                // Another field that was changed is in nobody's way.
                patient.phone = Personal("+49 30 1")
                patient.version += 1
                _ = try await clinic.store(patient, call: desk, wording: silent).value()
                _ = try await deny(correction.id, at: clinic, plan).value()
                let next = try await ask(fixture).value()
                patient.phone = Personal("+49 30 2")
                patient.version += 1
                _ = try await clinic.store(patient, call: desk, wording: silent).value()
                _ = try await accept(next.id, at: clinic, plan).value()
                #expect(try await name(1, fixture) == "Emma Smith")
            }
        }

        @Test(arguments: Engine.allCases) func `of many who ask for one field at once, one does`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let replies = try await withThrowingTaskGroup(of: Refusal?.self) { group in
                    for number in 0..<8 {
                        group.addTask { try await ask(fixture, to: "Emma \(number)").refusal }
                    }
                    return try await group.reduce(into: [Refusal?]()) { $0.append($1) }
                }
                #expect(replies.count { $0 == nil } == 1 && replies.count { $0 == .correctionOpen } == 7, "\(replies)")
                // The schema has the last word.
                await #expect(throws: StorageFault.self) {
                    try await fixture.execute(
                        SQL(
                            sqlite: """
                                INSERT INTO correction (id, patient_id, field, statement, state, asked_by, asked_at, due_at, version)
                                SELECT randomblob(16), patient_id, field, statement, state, asked_by, asked_at, due_at, 1 FROM correction
                                """,
                            postgres: """
                                INSERT INTO correction (id, patient_id, field, statement, state, asked_by, asked_at, due_at, version)
                                SELECT gen_random_uuid(), patient_id, field, statement, state, asked_by, asked_at, due_at, 1 FROM correction
                                """))
                }
            }
        }

        @Test(arguments: Engine.allCases) func `is due in sixty days, once thirty more, and what is late is counted`(
            engine: Engine
        )
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let (clinic, plan) = (fixture.clinic, fixture.plan)
                let correction = try await ask(fixture).value()
                #expect(correction.dueAt == fixture.clock.now + .days(60))
                let target = CorrectionTarget(id: correction.id)
                let admin = Call(caller: plan.admin(), requestID: "later")
                let later = try await clinic.extendCorrection(
                    target, reason: Personal("the register is closed"), call: admin, wording: .correction
                ).value()
                #expect(later.dueAt == fixture.clock.now + .days(90) && later.version == 2)
                let twice = try await clinic.extendCorrection(
                    target, reason: Personal("again"), call: admin, wording: .correction)
                #expect(twice.refusal == .transitionNotAllowed)
                var depth = try await clinic.correctionDepth()
                #expect(depth.open == 1 && depth.overdue == 0)
                fixture.clock.advance(by: .days(90))
                depth = try await clinic.correctionDepth()
                #expect(depth.open == 1 && depth.overdue == 1)
                _ = try await accept(correction.id, at: clinic, plan).value()
                depth = try await clinic.correctionDepth()
                #expect(depth.open == 0 && depth.overdue == 0)
            }
        }
    }
}

private struct CorrectionNotices: Query {
    static let sql: SQL = "SELECT count(*) FROM notice WHERE kind = 'correction'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private final class Memory: Sendable {
    private let kept = Mutex<(any Sendable)?>(nil)
    func first(_ row: (any Sendable)?) -> (any Sendable)? {
        kept.withLock { kept in
            if kept == nil { kept = row }
            return kept
        }
    }
}

/// Gives for a correction what was seen of one the first time, and at will writes whatever the version.
private final class OldLook: PassingTransaction {
    private let memory: Memory
    private let unchecked: Bool

    init(_ inner: any WriteTransaction, _ memory: Memory, unchecked: Bool) {
        self.memory = memory
        self.unchecked = unchecked
        super.init(inner)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        let row = try super.first(query)
        guard Asked.sql.sqlite.contains("FROM correction WHERE id = $1") else { return row }
        return memory.first(row) as? Asked.Row
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard unchecked, Asked.sql.sqlite.hasPrefix("UPDATE correction SET") else { return try super.run(command) }
        return try super.run(Unchecked(id: command.bindings[0], state: command.bindings[1]))
    }

    private struct Unchecked: Command {
        static let sql: SQL = """
            UPDATE correction SET state = $2, basis = NULL, decision_reason = NULL, version = version + 1 WHERE id = $1
            """
        let id: SQLValue
        let state: SQLValue
        var bindings: [SQLValue] { [id, state] }
    }
}
