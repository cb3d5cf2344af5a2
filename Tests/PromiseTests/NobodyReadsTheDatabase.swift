import Notation
import People
import Secrecy
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-6: whoever has the database, a dump or a backup, and not the master key, reads no name.
    @Suite struct NobodyReadsTheDatabase {
        private static let mark = "Quaxolotl"
        private static let marked = Patient(
            id: ID("01920000-0000-7000-8000-00000000abcd")!, name: Personal("Emma \(mark)"),
            email: Personal("\(mark)@example.org"), phone: Personal("+49 7777 31415926"),
            recordNumber: Personal("P-\(mark)-77"))
        private static let texts = [mark, mark.lowercased(), "31415926", "P-\(mark)", "Emma"]
        private static let desk = Caller(role: .desk, subject: ID(high: 1, low: 1))

        @Test(arguments: Engine.allCases) func `neither the files nor a dump of the database show anybody's name`(
            engine: Engine
        ) async throws {
            try await WhatIsKept.open(engine) { kept in
                let clinic = kept.fixture.clinic
                _ = try await clinic.store(Self.marked, call: Self.call, wording: Self.silent).value()
                var changed = Self.marked
                changed.version = 2
                changed.phone = nil
                _ = try await clinic.store(changed, call: Self.call, wording: Self.silent).value()
                #expect(try await clinic.patient(Self.marked.id, for: .looking(Self.desk)) == changed)
                for text in Self.texts { #expect(try await !kept.contains(text), "\(text)") }
            }
        }

        @Test(arguments: Engine.allCases) func `would be found: the same look finds a name that was written plainly`(
            engine: Engine
        ) async throws {
            try await WhatIsKept.open(engine) { kept in
                #expect(try await !kept.contains(Self.mark))
                try await kept.fixture.execute("UPDATE location SET name = 'House \(Self.mark)'")
                #expect(try await kept.contains(Self.mark))
                try await kept.fixture.execute(
                    SQL(
                        sqlite: "UPDATE patient SET phone_index = x'3331343135393236'",
                        postgres: "UPDATE patient SET phone_index = decode('3331343135393236', 'hex')"))
                #expect(try await kept.contains("31415926"))
            }
        }

        @Test(arguments: Engine.allCases)
        func `what somebody moves to another row or column is refused, and the fault tells nothing`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let clinic = fixture.clinic
                _ = try await clinic.store(Self.marked, call: Self.call, wording: Self.silent).value()
                let (victim, other) = (engine.typed(Self.marked.id), fixture.plan.patient(1).of(Patient.self))
                try await fixture.execute(
                    "UPDATE patient SET name = (SELECT name FROM patient WHERE id = \(victim)) WHERE id = \(engine.typed(other))")
                let fault = await #expect(throws: SecrecyFault.notForHere(table: "patient", column: "name")) {
                    try await clinic.patient(other, for: .looking(Self.desk))
                }
                #expect(fault.map { !"\($0)".contains(Self.mark) } == true)
                // The row it was taken from is as it was; within it the columns are no more alike.
                _ = try await clinic.patient(Self.marked.id, for: .looking(Self.desk))
                try await fixture.execute("UPDATE patient SET phone = email WHERE id = \(victim)")
                await #expect(throws: SecrecyFault.notForHere(table: "patient", column: "phone")) {
                    try await clinic.patient(Self.marked.id, for: .looking(Self.desk))
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `a program with another master key, or without the clinic's keys, says so and reads nothing`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                _ = try await fixture.clinic.store(Self.marked, call: Self.call, wording: Self.silent).value()
                let wrong = LocalMasterKeys([[UInt8](repeating: 6, count: 32)])!
                let stranger = Clinic(database: fixture.database, surroundings: fixture.surroundings, master: wrong)
                let told = StorageFault.cannotOpen(
                    SecrecyFault.masterKeyMissing(wanted: LocalMasterKeys.name(of: TestKeys.secret)).description)
                await #expect(throws: told) { try await stranger.readKeys() }
                try await fixture.execute("DELETE FROM data_key")
                let keyless = Clinic(
                    database: fixture.database, surroundings: fixture.surroundings, master: TestKeys.master)
                await #expect(throws: StorageFault.cannotOpen(SecrecyFault.dataKeysGone.description)) {
                    try await keyless.readKeys()
                }
            }
        }

        @Test(arguments: Engine.allCases) func `what was written before there were keys is still read`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let patient = fixture.plan.patient(0).of(Patient.self)
                try await fixture.execute(
                    "UPDATE patient SET name = 'Old Name', email = NULL WHERE id = \(engine.typed(patient))")
                #expect(try await fixture.clinic.patient(patient, for: .looking(Self.desk)).name.revealed == "Old Name")
            }
        }

        private static let call = Call(caller: desk, requestID: "kept")
        private static let silent = Wording<Patient>(
            done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
    }
}
