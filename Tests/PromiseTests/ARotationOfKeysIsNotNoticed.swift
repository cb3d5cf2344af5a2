import Identity
import Notation
import People
import Scheduling
import Secrecy
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-6: keys are rotated while the clinic works. Nobody fails to read anything, and afterwards nothing is left under the old key.
    @Suite struct ARotationOfKeysIsNotNoticed {
        private static let desk = Caller(role: .desk, subject: ID(high: 1, low: 1))
        private static let patients = 40

        /// A clinic with records, stored answers, reasons, notes and accounts.
        private static func withClinic(_ engine: Engine, _ body: (ClinicFixture) async throws -> Void) async throws {
            try await ClinicFixture.open(
                engine,
                ClinicPlan {
                    $0.patients = patients; $0.lanes = 2
                }
            ) { fixture in
                for number in 0..<patients {
                    _ = try await fixture.clinic.store(
                        record(number, version: 2, fixture), call: call("store-\(number)"), wording: silent
                    ).value()
                }
                for hour in 0..<3 {
                    let at = fixture.plan.time(day: 2, hour: 9 + hour)
                    _ = await fixture.book(patient: hour, at: at, key: "book-\(hour)")
                    _ = await fixture.book(
                        patient: 5 + hour, at: at, overrideReason: "an emergency", by: fixture.plan.desk(),
                        key: "override-\(hour)")
                }
                try await NobodyReadsTheDatabase.fill(Self.door(fixture.clinic, fixture))
                try await body(fixture)
            }
        }

        /// Two accounts, with all that is kept of whoever signs in.
        private static func door(_ clinic: Clinic, _ fixture: ClinicFixture) -> AccountFixture {
            var settings = AccountSettings()
            settings.passwordCost = .least
            return AccountFixture(
                fixture: fixture, accounts: Accounts(clinic, secret: Array(repeating: 7, count: 32), settings: settings))
        }

        /// What an account, its devices and the services are called, as somebody sees it who signs in.
        private static func names(_ door: AccountFixture) async throws -> [String?] {
            let login = NobodyReadsTheDatabase.login
            let own = try await door.accounts.signIn(
                Credentials(login: login, password: AccountFixture.password, device: "phone"), request: "test"
            ).session.id
            let known = try await door.accounts.ownAccount(in: own)
            return [
                known.login.revealed, known.email?.address.revealed,
                try await door.accounts.sessions(ofOwnerOf: own).last?.device?.revealed,
                try await door.accounts.services(for: door.fixture.plan.admin()).first?.name.revealed,
            ]
        }

        @Test(arguments: Engine.allCases)
        func `everybody reads and writes on while everything is sealed with a new key`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                let others = try await fixture.anotherClinic()
                let course = Course(versions: [Int](repeating: 2, count: Self.patients))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (lane, clinic) in [fixture.clinic, others, fixture.clinic, others].enumerated() {
                        group.addTask {
                            var number = lane
                            while !course.isDone, !Task.isCancelled {
                                number = (number + 1) % Self.patients
                                let read = try await clinic.patient(Self.id(number, fixture), for: .looking(Self.desk))
                                #expect(read.name.revealed.hasPrefix("Patient \(number) "), "\(number)")
                                course.noteRead()
                            }
                        }
                    }
                    for clinic in [fixture.clinic, others] {
                        let door = Self.door(clinic, fixture)
                        group.addTask {
                            while !course.isDone, !Task.isCancelled {
                                let names = try await Self.names(door)
                                #expect(
                                    names == [NobodyReadsTheDatabase.login, NobodyReadsTheDatabase.login, "phone", "quaxservice"])
                            }
                        }
                    }
                    group.addTask {
                        for round in 0..<4 {
                            for number in 0..<Self.patients where number % 4 == 1 {
                                let version = course.next(number)
                                let clinic = round % 2 == 0 ? others : fixture.clinic
                                _ = try await clinic.store(
                                    Self.record(number, version: version, fixture), call: Self.call("again-\(round)-\(number)"),
                                    wording: Self.silent
                                ).value()
                            }
                        }
                    }
                    group.addTask {
                        let third = try await fixture.anotherClinic()
                        for version in 2...4 {
                            #expect(try await third.rotateKeys(by: "operator:test") == version)
                            while try await !third.sealAnewStep(limit: 7).isDone {}
                        }
                        course.end()
                    }
                    try await group.waitForAll()
                }
                #expect(course.reads > 20)
                try await Self.expectAll(under: 4, of: fixture.clinic)
                for number in 0..<Self.patients {
                    let wanted = Self.record(number, version: course.version(of: number), fixture)
                    #expect(try await fixture.clinic.patient(wanted.id, for: .looking(Self.desk)) == wanted)
                }
                try await fixture.keepsEveryPromise()
                // A stored answer is still told byte for byte.
                let repeated = await fixture.book(patient: 0, at: fixture.plan.time(day: 2, hour: 9), key: "book-0")
                if case .repeated = repeated {} else { Issue.record("\(repeated)") }
            }
        }

        @Test(arguments: Engine.allCases)
        func `a walk that was broken off is gone on with where it was, by whoever comes next`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                try await fixture.clinic.rotateKeys(by: "operator:test")
                var looked = 0
                for _ in 0..<4 { looked += try await fixture.clinic.sealAnewStep(limit: 9).looked }
                let half = try await fixture.clinic.sealedFields()
                #expect((half[1] ?? 0) > 0 && (half[2] ?? 0) > 0, "\(half)")
                // Another program, which knows nothing.
                let heir = try await fixture.anotherClinic()
                while true {
                    let progress = try await heir.sealAnewStep(limit: 9)
                    looked += progress.looked
                    if progress.isDone { break }
                }
                // Records, appointments, and an answer for each change; accounts, addresses, letters, sessions, services, emergencies, links.
                let rows = Self.patients + 6 + Self.patients + 6 + (2 + 2 + 1 + 2 + 2 + 2 + 1)
                #expect(looked <= rows + 9, "it did not begin anew: \(looked) of \(rows)")
                try await Self.expectAll(under: 2, of: heir)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who had not heard of the rotation writes with the new key all the same`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                let late = try await fixture.anotherClinic()
                _ = try await late.patient(Self.id(0, fixture), for: .looking(Self.desk))
                try await fixture.clinic.rotateKeys(by: "operator:test")
                try await fixture.clinic.sealAnew()
                _ = try await late.store(Self.record(0, version: 3, fixture), call: Self.call("late"), wording: Self.silent)
                    .value()
                try await Self.expectAll(under: 2, of: fixture.clinic)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what was written before there were keys is sealed by the next walk, and found`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                let patient = engine.typed(Self.id(3, fixture))
                try await fixture.execute(
                    """
                    UPDATE patient SET name = 'Patient 3 of old', email = 'Old@example.org', phone = NULL, email_index = NULL
                    WHERE id = \(patient)
                    """)
                try await fixture.execute("DELETE FROM key_walk")
                try await fixture.clinic.sealAnew()
                try await Self.expectAll(under: 1, of: fixture.clinic)
                let found = try await fixture.clinic.patients(
                    PatientClue(.email, Personal("old@EXAMPLE.org")), page: PageRequest(), for: .looking(Self.desk))
                #expect(found.elements.map(\.id) == [Self.id(3, fixture)])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a new master key takes over, and the old one opens nothing any more`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                let new = [UInt8](repeating: 8, count: 32)
                func clinic(_ secrets: [[UInt8]]) -> Clinic {
                    Clinic(
                        database: fixture.database, surroundings: fixture.surroundings, master: LocalMasterKeys(secrets)!)
                }
                try await fixture.clinic.rotateKeys(by: "operator:test")
                #expect(try await clinic([new, TestKeys.secret]).rewrapKeys(by: "operator:test") == 5)
                try await clinic([new]).readKeys()
                await #expect(throws: StorageFault.self) { try await clinic([TestKeys.secret]).readKeys() }
                #expect(try await clinic([new]).patient(Self.id(0, fixture), for: .looking(Self.desk)).version == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be found: a key that is taken away too early leaves records nobody can read`(engine: Engine) async throws {
            try await Self.withClinic(engine) { fixture in
                try await fixture.clinic.rotateKeys(by: "operator:test")
                try await fixture.execute(
                    SQL(
                        sqlite:
                            "UPDATE data_key SET state = 'retired', retired_at = 1, wrapped = x'' WHERE state = 'retiring' AND purpose = 'field'",
                        postgres:
                            "UPDATE data_key SET state = 'retired', retired_at = now(), wrapped = '' WHERE state = 'retiring' AND purpose = 'field'"
                    ))
                let other = try await fixture.anotherClinic()
                await #expect(throws: SecrecyFault.keyNotRead(version: 1)) {
                    try await other.patient(Self.id(0, fixture), for: .looking(Self.desk))
                }
            }
        }

        /// What has happened so far.
        private final class Course: Sendable {
            private let state: Mutex<(reads: Int, versions: [Int], isDone: Bool)>
            init(versions: [Int]) { state = Mutex((0, versions, false)) }

            var reads: Int { state.withLock { $0.reads } }
            var isDone: Bool { state.withLock { $0.isDone } }
            func version(of number: Int) -> Int { state.withLock { $0.versions[number] } }
            func noteRead() { state.withLock { $0.reads += 1 } }
            func end() { state.withLock { $0.isDone = true } }
            func next(_ number: Int) -> Int {
                state.withLock { state in
                    state.versions[number] += 1
                    return state.versions[number]
                }
            }
        }

        /// Everything is sealed with one key, and the older ones are gone.
        private static func expectAll(
            under version: Int, of clinic: Clinic, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let fields = try await clinic.sealedFields()
            #expect(Set(fields.keys) == [version], "\(fields)", sourceLocation: sourceLocation)
            for key in try await clinic.dataKeys() where key.purpose == .field {
                #expect((key.state == .active) == (key.version == version), sourceLocation: sourceLocation)
                #expect((key.state == .retired) == (key.version < version), sourceLocation: sourceLocation)
            }
        }

        private static func id(_ number: Int, _ fixture: ClinicFixture) -> ID<Patient> { fixture.plan.patient(number).of() }

        private static func record(_ number: Int, version: Int, _ fixture: ClinicFixture) -> Patient {
            Patient(
                id: id(number, fixture), name: Personal("Patient \(number) version \(version)"),
                email: Personal("p\(number)@example.org"), phone: Personal("+49 30 555\(number)"),
                recordNumber: Personal("P-\(number)"), version: version)
        }

        private static func call(_ key: String) -> Call {
            Call(
                caller: desk, requestID: key,
                attempt: Attempt(key: key, operation: "replacePatient", fingerprint: Array(key.utf8)))
        }

        private static let silent = Wording<Patient>(
            done: { StoredAnswer(status: 200, body: Array("\($0.version)".utf8)) },
            refused: { _ in StoredAnswer(status: 409, body: []) })
    }
}
