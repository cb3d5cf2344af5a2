import Foundation
import Identity
import Notation
import People
import Processes
import Scheduling
import Storage
import StorageSQLite
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// Nothing is left of who was erased: not in a file, not in a dump, not for who has the keys (GDPR Article 17, ASVS 14.2.7).
    @Suite struct ARecordIsErased {
        static let mark = "Quaxolotl"
        /// Where the marked person stands before.
        static let everywhere: Set<String> = [
            "patient", "appointment", "audit_reason", "idempotency", "correction", "patient_closure", "emergency_access",
            "account",
            "account_email", "letter", "session", "message", "contact_consent", "patient_device",
        ]

        @Test(arguments: Engine.allCases)
        func `the marked person is found everywhere before, and nowhere afterwards, by whoever has the keys`(
            engine: Engine
        ) async throws {
            try await Marked.open(engine) { marked in
                let before = try await marked.found()
                #expect(before == Self.everywhere)
                #expect(try await marked.accounts.eraseDue() == 0, "the years run still")
                marked.waitTenYears()
                #expect(try await marked.accounts.eraseDue(isDryRun: true) == 1)
                let dry = try await marked.found()
                #expect(dry == Self.everywhere)
                #expect(try await marked.accounts.eraseDue() == 1)
                let after = try await marked.found()
                #expect(after == [])
                #expect(try await marked.accounts.eraseDue() == 0, "once is enough")
                #expect(try await marked.appointments() == 2, "as numbers they stay")
                let report = try await marked.acts()
                #expect(report.contains("patient.erased") && report.contains("patient.closed"), "the audit stays: \(report)")
            }
        }

        @Test func `a dump shows nothing of who was erased`() async throws {
            try await WhatIsKept.open(.postgres) { kept in
                let marked = try await Marked(kept.fixture, .postgres)
                let before = try await kept.contains(Self.mark)
                #expect(before, "something was typed plainly, or this would show nothing")
                marked.waitTenYears()
                #expect(try await marked.accounts.eraseDue() == 1)
                for text in [Self.mark, Self.mark.lowercased()] {
                    let isThere = try await kept.contains(text)
                    #expect(!isThere, "\(text)")
                }
            }
        }

        @Test func `the file shows nothing of who was erased, also where it stood before`() async throws {
            let folder = try TemporaryFolder("erased", under: FolderInMemory.path)
            defer { folder.remove() }
            let path = folder.file("clinic.db")
            for isErased in [false, true] {
                let database = try SQLiteDatabase(SQLiteSettings(path: path))
                try await ClinicFixture.open(on: database) { fixture in
                    let marked = try await Marked(fixture, .sqlite)
                    marked.waitTenYears()
                    if isErased { #expect(try await marked.accounts.eraseDue() == 1) }
                }
                await database.close()
                // Moves the log into the file, as a server does sooner or later.
                let byHand = try SQLiteConnection.byHand(path)
                try byHand.executeByHand("PRAGMA wal_checkpoint(TRUNCATE)")
                byHand.closeByHand()
                let bytes = FileManager.default.contents(atPath: path) ?? Data()
                // What was typed by hand stood plainly; what people sign in with never did.
                #expect((bytes.range(of: Data(Self.mark.utf8)) != nil) == !isErased)
                #expect(bytes.range(of: Data(Self.mark.lowercased().utf8)) == nil)
                for name in ["clinic.db", "clinic.db-wal", "clinic.db-shm"] {
                    try? FileManager.default.removeItem(atPath: folder.file(name))
                }
            }
        }

        /// The negative control, for each table: an erasure that forgets it is found out, or does not happen.
        @Test(arguments: Engine.allCases) func `would be found: an erasure that forgets one table`(engine: Engine) async throws {
            for table in Self.everywhere.sorted() {
                try await Marked.open(engine) { marked in
                    marked.waitTenYears()
                    let forgetful = marked.accounts(at: TamperedDatabase(marked.fixture.database) { Forgetful($0, table) })
                    let count = try? await forgetful.eraseDue()
                    let found = try await marked.found()
                    #expect(found.contains(table), "\(table): \(String(describing: count)) \(found)")
                }
            }
        }

        @Test(arguments: Engine.allCases) func `broken off at any statement nothing is half erased, and the next goes on`(
            engine: Engine
        ) async throws {
            try await Marked.open(engine) { marked in
                marked.waitTenYears()
                for place in 0..<200 {
                    let left = Countdown(place)
                    let failing = marked.accounts(at: TamperedDatabase(marked.fixture.database) { Failing($0, left) })
                    if let count = try? await failing.eraseDue() {
                        #expect(count == 1 && place > 10)
                        let gone = try await marked.found()
                        #expect(gone == [])
                        return
                    }
                    let found = try await marked.found()
                    #expect(found == Self.everywhere, "after \(place) statements")
                }
                Issue.record("it never came to its end")
            }
        }

        @Test(arguments: Engine.allCases) func `a legal hold keeps it, and so does whoever opens it again`(engine: Engine)
            async throws
        {
            try await Marked.open(engine) { marked in
                marked.waitTenYears()
                let (clinic, id) = (marked.fixture.clinic, marked.id)
                _ = try await clinic.holdRecord(of: id, reason: Personal("a lawsuit"), call: marked.admin, wording: .standing)
                    .value()
                #expect(try await marked.accounts.eraseDue() == 0)
                let refused = try await marked.accounts.eraseRecord(of: id, call: marked.admin, wording: .standing)
                #expect(refused.refusal == .legalHold)
                _ = try await clinic.liftHold(of: id, call: marked.admin, wording: .standing).value()
                _ = try await marked.accounts.reopenRecord(
                    of: id, reason: Personal("came back"), call: marked.admin, wording: .standing
                ).value()
                #expect(try await marked.accounts.eraseDue() == 0)
                let found = try await marked.found()
                #expect(found == Self.everywhere.subtracting(["patient_closure"]))
                // The login is good again.
                _ = try await marked.signIn()
            }
        }

        @Test(arguments: Engine.allCases) func `a record that nobody has ever used is erased when it is asked for, and once`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { house in
                let (plan, accounts) = (house.fixture.plan, house.accounts)
                let admin = Call(caller: plan.admin(), requestID: "erase")
                let id = plan.patient(4).of(Patient.self)
                var tried = try await accounts.eraseRecord(of: id, call: admin, wording: .standing)
                #expect(tried.refusal == .transitionNotAllowed, "it is open")
                _ = try await accounts.closeRecord(
                    of: id, reason: Personal("entered twice"), cancelling: false, call: admin, wording: .standing
                ).value()
                #expect(try await accounts.eraseDue() == 0, "nobody asked, and it was closed a moment ago")
                tried = try await accounts.eraseRecord(of: id, call: admin, wording: .standing)
                #expect(try tried.value().state == .erased)
                tried = try await accounts.eraseRecord(of: id, call: admin, wording: .standing)
                #expect(try tried.value().state == .erased)
                await #expect(throws: Refusal.patientUnknown) { try await house.fixture.clinic.patient(id, for: admin) }
                // Of who was there the years count.
                let visitor = plan.patient(5).of(Patient.self)
                _ = await house.fixture.book(patient: 5, at: plan.time(day: 3, hour: 9), by: plan.desk())
                house.fixture.clock.advance(by: .days(4))
                _ = try await accounts.closeRecord(
                    of: visitor, reason: Personal("moved"), cancelling: false, call: admin, wording: .standing
                ).value()
                tried = try await accounts.eraseRecord(of: visitor, call: admin, wording: .standing)
                #expect(tried.refusal == .retentionRuns)
            }
        }

        @Test func `the years of who came as a minor count from when they were of age`() {
            var rules = RetentionRules()
            let visit = Instant("2026-03-05T09:00:00Z")!
            #expect(rules.keptUntil(lastVisit: nil, birthDate: nil) == nil)
            #expect(rules.keptUntil(lastVisit: visit, birthDate: nil) == Instant("2036-03-06T00:00:00Z"))
            let child = CalendarDay(year: 2020, month: 2, day: 29)
            #expect(rules.keptUntil(lastVisit: visit, birthDate: child) == Instant("2048-03-02T00:00:00Z"))
            let grown = CalendarDay(year: 2008, month: 3, day: 5)
            #expect(rules.keptUntil(lastVisit: visit, birthDate: grown) == Instant("2036-03-06T00:00:00Z"))
            rules.years = 0
            #expect(rules.keptUntil(lastVisit: visit, birthDate: grown) == Instant("2026-03-06T00:00:00Z"))
        }

        @Test(arguments: Engine.allCases) func `each clinic has its own rules, and changing them is on record`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                #expect(try await fixture.clinic.retentionRules() == RetentionRules())
                var rules = RetentionRules()
                (rules.years, rules.majorityAge, rules.graceDays, rules.isAutomatic) = (30, 21, 7, true)
                try await fixture.clinic.setRetentionRules(rules, by: "operator:test")
                #expect(try await fixture.clinic.retentionRules() == rules)
                let reasons = try await fixture.database.read { try $0.fetch(RuleChanges()) }
                #expect(reasons == ["years=30 majority-age=21 grace-days=7 automatic=on"])
            }
        }
    }
}

private struct RuleChanges: Query {
    static let sql: SQL = "SELECT reason FROM audit WHERE act = 'retention.changed'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

private struct Acts: Query {
    static let sql: SQL = "SELECT act FROM audit WHERE subject_id = $1"
    let subject: ID<Patient>
    var bindings: [SQLValue] { [.id(subject)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

private struct VisitsLeft: Query {
    static let sql: SQL = "SELECT count(*) FROM appointment_patient WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// Somebody who stands, by a marked name, wherever a clinic keeps anything about anybody; their record is closed.
private struct Marked {
    let fixture: ClinicFixture
    let accounts: Accounts
    let id: ID<Patient>
    private let engine: Engine
    private static let keyring = LiveKeyring(Keyring(secret: Array(repeating: 7, count: 32)))
    private static var mark: String { Promises.ARecordIsErased.mark }
    private static var login: String { "\(mark)@example.org" }

    static func open(_ engine: Engine, _ body: (Marked) async throws -> Void) async throws {
        try await ClinicFixture.open(engine) { fixture in try await body(try await Marked(fixture, engine)) }
    }

    var admin: Call { Call(caller: fixture.plan.admin(), requestID: "admin") }
    private var desk: Caller { fixture.plan.desk() }

    init(_ fixture: ClinicFixture, _ engine: Engine) async throws {
        self.fixture = fixture
        self.engine = engine
        var settings = AccountSettings()
        settings.passwordCost = .least
        accounts = Accounts(fixture.clinic, Self.keyring, settings: settings)
        id = fixture.plan.patient(1).of()
        try await register()
        try await visit()
        try await correct()
        try await typeTheRest()
        _ = try await accounts.closeRecord(
            of: id, reason: Personal("\(Self.mark) has moved"), cancelling: false,
            call: Call(
                caller: desk, requestID: "close", attempt: Attempt(key: "close", operation: "closePatient", fingerprint: [2])),
            wording: .standing
        ).value()
        try await leaveDevice()
    }

    /// Closing forgets devices: this one was on its way in meanwhile, and is left to the erasure.
    private func leaveDevice() async throws {
        let (patient, now) = (engine.typed(id), engine.typed(fixture.clock.now))
        let device = engine.typed(ID<PatientDevice>(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001))
        let token = engine == .sqlite ? "x''" : "''"
        try await fixture.execute(
            """
            INSERT INTO patient_device (id, patient_id, platform, name, token, token_index, created_at, seen_at)
            VALUES (\(device), \(patient), 'ios', 'phone of \(Self.mark)', '\(Self.mark)', \(token), \(now), \(now))
            """)
    }

    private func register() async throws {
        let patient = Patient(
            id: id, name: Personal("Emma \(Self.mark)"), birthDate: Personal("1980-05-31"), email: Personal(Self.login),
            phone: Personal("+49 7777 31415926"), recordNumber: Personal("P-\(Self.mark)"), version: 2)
        let call = Call(
            caller: desk, requestID: "store", attempt: Attempt(key: "store", operation: "replacePatient", fingerprint: [1]))
        let wording = Wording<Patient>(
            done: { StoredAnswer(status: 200, body: Array($0.name.revealed.utf8)) },
            refused: { _ in StoredAnswer(status: 409, body: []) })
        _ = try await fixture.clinic.store(patient, call: call, wording: wording).value()
        try await accounts.create(
            login: Self.login, password: AccountFixture.password, roles: [Caller(role: .patient, subject: id.of())], by: "test",
            request: "test")
        _ = try await signIn()
        try await accounts.vouchForEmail(login: Self.login, by: "test", request: "test")
    }

    func signIn() async throws -> SessionGrant {
        try await accounts.signIn(
            Credentials(login: Self.login, password: AccountFixture.password, device: "\(Self.mark)'s phone"), request: "test")
    }

    /// One visit for which a rule was set aside, and one that was cancelled for a reason.
    private func visit() async throws {
        let off = fixture.plan.time(day: 3, hour: 9, minute: 5)
        let kept = await fixture.book(patient: 1, at: off, overrideReason: "\(Self.mark) has no other time", by: desk)
        #expect(kept.told != nil, "\(kept)")
        let other = try #require(await fixture.book(patient: 1, at: fixture.plan.time(day: 4, hour: 9), by: desk).told)
        _ = try await fixture.clinic.cancel(
            AppointmentTarget(id: other.id), reason: .patient, note: Personal("\(Self.mark) has a cold"),
            call: Call(caller: desk, requestID: "cancel"),
            wording: Wording(
                done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
        ).value()
        fixture.clock.advance(by: .days(5))
    }

    private func correct() async throws {
        let clinic = fixture.clinic
        let asked = try await clinic.askCorrection(
            CorrectionRequest(
                field: .name, says: Personal("Emma \(Self.mark)"), shouldSay: Personal("Emma \(Self.mark)-Smith"),
                statement: Personal("\(Self.mark) is no name")), of: id, call: Call(caller: desk, requestID: "ask"),
            wording: .correction
        ).value()
        _ = try await clinic.denyCorrection(
            CorrectionTarget(id: asked.id), on: .accurate, reason: Personal("\(Self.mark) stands in the passport"), call: admin,
            wording: .correction
        ).value()
        _ = try await clinic.disagree(
            with: CorrectionTarget(id: asked.id), Personal("\(Self.mark) it was"), call: Call(caller: desk, requestID: "no"),
            wording: .correction
        ).value()
    }

    /// What takes a whole evening to bring about.
    private func typeTheRest() async throws {
        let (patient, now) = (engine.typed(id), engine.typed(fixture.clock.now))
        let glass = engine.typed(ID<EmergencyAccess>(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001))
        try await fixture.execute(
            """
            INSERT INTO emergency_access (id, principal, patient_id, reason, begun_at, ends_at, reviewed_by, reviewed_at, verdict, note)
            VALUES (\(glass), 'practitioner:x', \(patient), '\(Self.mark) is unconscious', \(now), \(now), 'privacy:y', \(now), 'justified',
                '\(Self.mark) was')
            """)
        try await fixture.execute(
            """
            INSERT INTO message (id, notice_id, patient_id, kind, place, state, channel, address, words, created_at, due_at)
            VALUES (\(glass), \(glass), \(patient), 'reminder', 1, 'handed-over', 'email', '\(Self.mark)@example.org', 'Dear \(Self.mark)',
                \(now), \(now))
            """)
        let given = engine == .sqlite ? "1" : "true"
        try await fixture.execute(
            """
            INSERT INTO contact_consent (patient_id, channel, is_given, by, at) VALUES (\(patient), 'sms', \(given), 'desk:\(Self.mark)', \(now))
            """)
        let empty = engine == .sqlite ? "x''" : "''"
        try await fixture.execute(
            """
            INSERT INTO letter (id, account_id, kind, address, created_at, expires_at, likeness)
            SELECT \(glass), account_id, 'email-change', '\(Self.mark)@new.example', \(now), \(now), \(empty) FROM account_role
            WHERE subject_id = \(patient)
            """)
    }

    func waitTenYears() { fixture.clock.advance(by: .days(10 * 366)) }

    func found() async throws -> Set<String> { try await WhoIsFound(fixture: fixture).tables(with: Self.mark) }

    func appointments() async throws -> Int {
        let id = id
        return try await fixture.database.read { try $0.first(VisitsLeft(patient: id)) } ?? 0
    }

    func acts() async throws -> [String] {
        let id = id
        return try await fixture.database.read { try $0.fetch(Acts(subject: id)) }
    }

    /// The same at a database somebody has laid hands on.
    func accounts(at database: any Database) -> Accounts {
        let clinic = Clinic(database: database, surroundings: fixture.surroundings, master: TestKeys.master)
        return Accounts(clinic, Self.keyring, settings: accounts.settings)
    }
}

extension Wording where Value == RecordStanding {
    static var standing: Wording<RecordStanding> {
        Wording(
            done: { StoredAnswer(status: 200, body: Array("\($0.patient) \($0.state)".utf8)) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
    }
}

extension Wording where Value == Correction {
    static var correction: Wording<Correction> {
        Wording(
            done: { StoredAnswer(status: 200, body: Array("\($0.id) \($0.state)".utf8)) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
    }
}

extension Reply {
    /// Nil when it was not refused.
    var refusal: Refusal? { if case .refused(let refusal, _) = self { refusal } else { nil } }
}

/// Erases in every table but one.
private final class Forgetful: PassingTransaction {
    private let table: String

    init(_ inner: any WriteTransaction, _ table: String) {
        self.table = table
        super.init(inner)
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        let text = Asked.sql.sqlite
        if text.hasPrefix("DELETE FROM \(table) ") || text.hasPrefix("UPDATE \(table) SET ") { return 1 }
        return try super.run(command)
    }
}

private final class Countdown: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { left = Mutex(count) }

    func count() throws {
        let isOver = left.withLock { left in
            left -= 1
            return left < 0
        }
        if isOver { throw StorageFault.full }
    }
}

/// Fails after some statements.
private final class Failing: PassingTransaction {
    private let left: Countdown

    init(_ inner: any WriteTransaction, _ left: Countdown) {
        self.left = left
        super.init(inner)
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        try left.count()
        return try super.run(command)
    }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        try left.count()
        try super.post(command, orElse: fault)
    }
}
