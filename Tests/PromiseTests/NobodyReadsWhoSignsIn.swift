import Identity
import Letters
import Notation
import People
import Scheduling
import Secrecy
import Storage
import TestKit
import Testing
import Workflows

// What accounts, their letters, devices and services keep of people; why the glass was broken; and who did what, from where.
extension Promises.NobodyReadsTheDatabase {
    /// A clinic with each of these texts in it, wherever people are asked for one.
    private static let marks = [
        "quaxlogin", "quaxoperator", "quaxdevice", "quaxsubject", "quaxletter", "quaxservice", "quaxreason", "quaxnote",
        "203.0.113.77",
    ]
    static let login = "quaxlogin@clinic.example"
    private static let origin = RequestOrigin(id: "marked", operation: "test", address: "203.0.113.77")
    private static let privacy = Caller(role: .privacy, subject: ID(high: 7, low: 7))

    private static func withMarks(_ engine: Engine, _ body: (WhatIsKept, AccountFixture, SessionRecord) async throws -> Void)
        async throws
    {
        try await WhatIsKept.open(engine) { kept in
            var settings = AccountSettings()
            settings.passwordCost = .least
            let accounts = Accounts(kept.fixture.clinic, secret: Array(repeating: 7, count: 32), settings: settings)
            let door = AccountFixture(fixture: kept.fixture, accounts: accounts)
            try await body(kept, door, try await fill(door))
        }
    }

    /// Returns a session of the first account, on a device of its own.
    @discardableResult
    static func fill(_ door: AccountFixture) async throws -> SessionRecord {
        let (accounts, plan, box) = (door.accounts, door.fixture.plan, Letterbox())
        let caller = plan.practitionerCaller(0)
        for (login, role) in [("QuaxLogin@clinic.example", caller), ("other@clinic.example", plan.desk())] {
            try await accounts.create(
                login: login, password: AccountFixture.password, roles: [role], by: "operator:quaxoperator", request: origin)
            try await accounts.vouchForEmail(login: login, by: "operator:quaxoperator", request: origin)
        }
        try await accounts.link(
            login: login, issuer: "https://login.example", subject: "quaxsubject", by: "operator:quaxoperator", request: origin)
        let session = try await accounts.signIn(
            Credentials(login: login, password: AccountFixture.password, device: "quaxdevice"), request: origin
        ).session
        _ = try await accounts.signIn(
            Credentials(login: login, password: AccountFixture.password, device: "quaxdevice 2"), request: origin)
        for name in ["quaxservice", "quaxservice 2"] {
            _ = try await accounts.createService(
                name: name, scopes: [Scope(.appointment, [.read])], by: plan.admin(), request: origin)
        }
        try await breakGlass(door, session, caller)
        try await accounts.askForEmailChange(
            to: MailAddress("quaxletter@clinic.example")!, password: AccountFixture.password, code: nil, in: session.id,
            request: origin)
        try await door.deliver(box)
        #expect(box.letters.map(\.to.text.revealed) == ["quaxletter@clinic.example"])
        return session
    }

    private static func breakGlass(_ door: AccountFixture, _ session: SessionRecord, _ caller: Caller) async throws {
        let clinic = door.fixture.clinic
        for number in [3, 4] {
            let call = Call(caller: caller, requestID: "glass", operation: "breakGlass", address: origin.address)
            let (access, _) = try await door.accounts.breakGlass(
                for: door.fixture.plan.patient(number).of(), reason: Personal("quaxreason"),
                proof: .password(AccountFixture.password), in: session.id, call: call)
            let judged = Call(caller: privacy, requestID: "judge", operation: "reviewEmergencyAccess", address: origin.address)
            _ = try await clinic.review(
                access.id, .unjustified, note: Personal("quaxnote"), call: judged,
                wording: Wording(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
            ).value()
        }
    }

    @Test(arguments: Engine.allCases)
    func `nor who signs in, on what, by whose word, why the glass was broken, and who looked after accounts from where`(
        engine: Engine
    ) async throws {
        try await Self.withMarks(engine) { kept, door, session in
            for mark in Self.marks { #expect(try await !kept.contains(mark), "\(mark)") }
            // Whoever may is told all of it.
            let accounts = try await door.accounts.accounts()
            #expect(accounts.map(\.account.login.revealed) == [Self.login, "other@clinic.example"])
            let devices = try await door.accounts.sessions(ofOwnerOf: session.id).map(\.device?.revealed)
            #expect(devices == ["quaxdevice", "quaxdevice 2"])
            #expect(try await door.accounts.ownAccount(in: session.id).email?.address.revealed == Self.login)
            let services = try await door.accounts.services(for: door.fixture.plan.admin()).map(\.name.revealed)
            #expect(services == ["quaxservice", "quaxservice 2"])
            let broken = try await door.fixture.clinic.emergencies(
                onlyUnreviewed: false, page: PageRequest(), for: .looking(Self.privacy))
            #expect(broken.elements.map(\.reason.revealed) == ["quaxreason", "quaxreason"])
            #expect(broken.elements.map(\.review?.note?.revealed) == ["quaxnote", "quaxnote"])
            let lines = try await Self.exported(door.fixture.clinic)
            let created = try #require(lines.first { $0.contains("account.created") })
            #expect(created.contains(#""by":"operator:quaxoperator""#) && created.contains(#""address":"203.0.113.77""#))
            #expect(created.contains(#""role":"admin""#) && created.contains(#""operation":"test""#))
            let begun = try #require(lines.first { $0.contains("session.begun") })
            #expect(begun.contains(#""role":"practitioner""#) && begun.contains(#""address":"203.0.113.77""#))
        }
    }

    private static func exported(_ clinic: Clinic) async throws -> [String] {
        let range = TimeRange(from: Instant("2000-01-01T00:00:00Z")!, to: Instant("2100-01-01T00:00:00Z")!)
        var lines: [String] = []
        _ = try await AuditExport(clinic, in: range, by: "operator:quaxoperator").everything {
            lines.append(String(decoding: $0, as: UTF8.self))
        }
        return lines
    }

    /// Each sealed column, and a row of it.
    private static let columns: [(table: String, column: String)] = [
        ("account", "login"), ("account_email", "address"), ("letter", "address"), ("session", "device"), ("service", "name"),
        ("emergency_access", "reason"), ("emergency_access", "note"), ("account_link", "subject"),
    ]

    private static func one(_ table: String) -> String {
        let key = table.hasPrefix("account_") ? "account_id" : "id"
        let filled = table == "letter" ? "WHERE address IS NOT NULL" : ""
        return "\(key) = (SELECT \(key) FROM \(table) \(filled) ORDER BY \(key) LIMIT 1)"
    }

    @Test(arguments: Engine.allCases) func `would be found: each of them where it stands plainly, and a digest that is none`(
        engine: Engine
    ) async throws {
        try await Self.withMarks(engine) { kept, door, _ in
            for (number, (table, column)) in Self.columns.enumerated() {
                let planted = "Planted\(number)Here"
                #expect(try await !kept.contains(planted))
                try await door.fixture.execute("UPDATE \(table) SET \(column) = '\(planted)' WHERE \(Self.one(table))")
                #expect(try await kept.contains(planted), "\(table).\(column)")
            }
            for (table, column) in [("account", "login"), ("account_email", "address"), ("account_link", "subject")] {
                let hex = "Index\(table)".utf8.map { String($0, radix: 16) }.joined()
                try await door.fixture.execute(
                    SQL(
                        sqlite: "UPDATE \(table) SET \(column)_index = x'\(hex)' WHERE \(Self.one(table))",
                        postgres: "UPDATE \(table) SET \(column)_index = decode('\(hex)', 'hex') WHERE \(Self.one(table))"))
                #expect(try await kept.contains("Index\(table)"), "\(table)")
            }
        }
    }

    /// Where each of them is opened.
    private static func openAll(_ door: AccountFixture, _ session: SessionRecord) async throws {
        _ = try await door.accounts.accounts()
        _ = try await door.accounts.sessions(ofOwnerOf: session.id)
        _ = try await door.accounts.services(for: door.fixture.plan.admin())
        _ = try await door.fixture.clinic.emergencies(onlyUnreviewed: false, page: PageRequest(), for: .looking(privacy))
        for login in [login, "other@clinic.example"] {
            let own = try await door.signIn(login: login).session.id
            _ = try await door.accounts.ownAccount(in: own)
        }
        // Letters and links are opened when they are sealed anew, if not before.
        try await door.fixture.clinic.rotateKeys(by: "operator:test")
        try await door.fixture.clinic.sealAnew()
    }

    @Test(arguments: Engine.allCases, columns.indices)
    func `nor does what was moved to another row of the same column open there`(engine: Engine, number: Int) async throws {
        let (table, column) = Self.columns[number]
        try await Self.withMarks(engine) { _, door, session in
            if table == "account_link" {
                try await door.accounts.link(
                    login: "other@clinic.example", issuer: "https://login.example", subject: "another", by: "test",
                    request: "test")
            }
            if table == "letter" {
                let own = try await door.signIn(login: "other@clinic.example").session.id
                try await door.accounts.askForEmailChange(
                    to: MailAddress("third@clinic.example")!, password: AccountFixture.password, code: nil, in: own,
                    request: "test")
            }
            let key = table.hasPrefix("account_") ? "account_id" : "id"
            let last = "(SELECT \(column) FROM \(table) WHERE \(column) IS NOT NULL ORDER BY \(key) DESC LIMIT 1)"
            // What is unique is taken from where it was.
            try await door.fixture.execute("CREATE TABLE taken AS SELECT \(last) AS it")
            try await door.fixture.execute(
                "UPDATE \(table) SET \(column) = 'nothing' WHERE \(column) = (SELECT it FROM taken)")
            try await door.fixture.execute("UPDATE \(table) SET \(column) = (SELECT it FROM taken) WHERE \(Self.one(table))")
            try await door.fixture.execute("DROP TABLE taken")
            await #expect(throws: SecrecyFault.notForHere(table: table, column: column)) {
                try await Self.openAll(door, session)
            }
        }
    }

    @Test(arguments: Engine.allCases) func `would be noticed: where nothing was moved, all of it opens`(engine: Engine)
        async throws
    {
        try await Self.withMarks(engine) { _, door, session in try await Self.openAll(door, session) }
    }

    @Test(arguments: Engine.allCases) func `nor is there a column for text that nobody has thought about`(engine: Engine)
        async throws
    {
        try await ClinicFixture.open(engine) { fixture in
            let found = try await fixture.database.read { try $0.fetch(TextColumns()) }
            let known = Self.sealed.union(Self.open.flatMap { table, columns in columns.map { "\(table).\($0)" } })
            #expect(Set(found).subtracting(known) == [], "say whether it is sealed, or why it need not be")
            #expect(known.subtracting(found) == [])
        }
    }

    private static let sealed: Set<String> = [
        "patient.name", "patient.email", "patient.phone", "patient.record_number", "appointment.override_reason",
        "schedule_exception.note", "audit.reason", "audit.by", "audit.address", "account.login", "account_email.address",
        "letter.address", "session.device", "service.name", "emergency_access.reason", "emergency_access.note",
        "account_link.subject", "patient.birth_date", "audit_reason.reason", "correction.says", "correction.should_say",
        "correction.statement", "correction.extension_reason", "correction.decision_reason", "correction.disagreement",
        "patient_closure.reason", "legal_hold.reason", "incoming.content",
        "message.address", "message.words",
        "patient_device.name", "patient_device.token",
        "staff_contact.email", "staff_contact.phone",
        "payment.payer_secret",
        "webhook.url", "webhook.description", "webhook.secret", "webhook.old_secret",
    ]

    /// What stands as it is: what hangs on the clinic's door, principals and other identifiers, choices from a list, addresses of
    /// providers, documents of identifiers and times.
    private static let open: [String: [String]] = [
        "revision": ["name"], "location": ["name", "zone", "address"],
        "resource": ["kind", "name", "specialty", "tags", "provider"],
        "visit_type": ["name", "specialty", "practitioners", "room_tag", "device_tag", "price"], "working_hours": ["zone"],
        "schedule_exception": ["kind"], "holiday": ["name"],
        "appointment": ["state", "patients", "cancelled_by", "cancellation_reason"], "event": ["kind", "payload", "touched"],
        "audit": [
            "act", "from_state", "to_state", "overridden", "request_id", "role", "purpose", "operation", "outcome", "patients",
            "query",
        ],
        "idempotency": ["principal", "key", "operation", "etag", "location", "content_type"],
        "notice": ["recipient_role", "kind", "payload"],
        "outbox": ["topic", "dedupe_key", "order_key", "payload", "state", "worker", "last_error"],
        "account": ["state", "password_hash"], "account_role": ["role"], "account_place": ["role"],
        "account_email": ["language"], "letter": ["kind"], "session": ["role", "end_reason", "issuer"], "service": ["scopes"],
        "emergency_access": ["principal", "reviewed_by", "verdict"], "account_link": ["issuer"],
        "correction": ["field", "state", "asked_by", "decided_by", "basis"], "patient_closure": ["closed_by", "accounts"],
        "waitlist_entry": ["practitioners", "specialty", "locations", "asked_by", "state"],
        "waitlist_offer": ["state", "explanation"],
        "appointment_series": ["patients", "rule", "zone", "exceptions", "created_by"],
        "records_link": ["their_id", "their_version", "tried"], "sync_state": ["system", "last_error"],
        "external_entry": ["provider", "state", "last_answer"],
        "webhook": ["events", "state", "disabled_because", "created_by"], "webhook_delivery": ["kind", "state", "last_result"],
        "legacy_phase": ["name", "phase", "changed_by"], "legacy_feed": ["name"],
        "legacy_booking": ["their_id", "request_id", "state", "origin", "decision", "difference", "refusal"],
        "legacy_claim": ["their_id"],
        "task": ["kind", "dedupe_key", "details", "state", "done_by"],
        "message": [
            "kind", "not_by", "state", "reason", "channel", "language", "carrier_id", "answer", "answered_by", "settled_by",
            "devices", "staff_change",
        ],
        "staff_contact": ["told", "language", "zone"],
        "patient_device": ["platform", "language"],
        "contact_preference": ["channels", "language", "zone"], "contact_consent": ["channel", "by"],
        "message_template": ["kind", "language", "subject", "body", "words", "changed_by"],
        "incoming": ["partner", "key"], "payment": ["state", "price", "provider_id"],
        "refund": ["provider_payment", "reason", "state", "provider_id", "way", "recorded_by"], "invoice": ["kind", "currency"],
        "counter": ["name"],
        "legal_hold": ["placed_by"], "retention_rule": ["name"],
        "service_key": ["name", "document"], "data_key": ["purpose", "state", "master"], "schema_migration": ["name"],
    ]

    private struct TextColumns: Query {
        static let sql = SQL(
            sqlite: """
                SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND c.type = 'TEXT'
                """,
            postgres: """
                SELECT CAST(table_name || '.' || column_name AS text) FROM information_schema.columns
                WHERE table_schema = 'public' AND data_type IN ('text', 'json', 'jsonb', 'character varying')
                """)
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
    }
}
