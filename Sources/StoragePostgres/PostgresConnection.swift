import CPostgres
import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One connection in pipeline mode. Statements are sent without waiting; `settle` waits for all their answers at once, so
/// what is sent together costs one round trip.
///
/// Only the thread that owns it may touch it.
final class PostgresConnection {
    /// What came of one statement.
    enum Reply {
        case rows(PostgresResult)
        case changed(Int)
        case failed(PostgresFault)
        /// An earlier statement failed; this one was not run.
        case skipped
    }

    private enum Expected {
        case statement(name: String)
        case preparation(Key, name: String)
        case description
        /// Nobody waits for it.
        case housekeeping
    }

    /// A statement the server has prepared for this connection.
    struct Key: Hashable {
        enum Form: Hashable { case one, many, manyTelling, demanding, manyDemanding, script }
        let type: ObjectIdentifier
        let form: Form
        /// Set where the type alone does not say the text.
        var text: String?
    }

    private let handle: OpaquePointer
    private let isBehindBouncer: Bool
    private let notices = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    private var prepared: [Key: String] = [:]
    private var oldest: [Key] = []
    private var names = 0
    private var expected: [Expected] = []
    private(set) var isBroken = false
    let openedAt = ContinuousClock.now
    var usedAt = ContinuousClock.now

    /// How many statements the server keeps prepared for a connection.
    private static let preparedMaximum = 256

    /// Connects, in the time the connection string allows (`connect_timeout`, 5 s when it says nothing).
    init(_ settings: PostgresSettings) throws {
        // Keepalives find a host that vanished within about twenty seconds; the user timeout, what was sent and never
        // acknowledged. What the connection string says itself comes last and wins.
        let options: [(String, String)] = [
            ("connect_timeout", "5"), ("keepalives", "1"), ("keepalives_idle", "10"), ("keepalives_interval", "3"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "15000"), ("client_encoding", "UTF8"),
            ("fallback_application_name", "mediconnect"), ("dbname", settings.url),
        ]
        let handle = Self.connect(options)
        guard let handle else { throw StorageFault.unreachable("out of memory") }
        guard PQstatus(handle) == CONNECTION_OK else {
            defer { PQfinish(handle) }
            throw StorageFault.unreachable(because: String(cString: PQerrorMessage(handle)))
        }
        self.handle = handle
        isBehindBouncer = settings.isBehindBouncer
        notices.initialize(to: 0)
        PQsetNoticeReceiver(
            handle,
            { count, result in
                guard let severity = PQresultErrorField(result, DiagnosticField.severity) else { return }
                if strcmp(severity, "WARNING") == 0 { count?.assumingMemoryBound(to: Int.self).pointee += 1 }
            }, notices)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
    }

    private static func connect(_ options: [(String, String)]) -> OpaquePointer? {
        var names: [UnsafePointer<CChar>?] = options.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = options.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { (names + values).forEach { free(UnsafeMutableRawPointer(mutating: $0)) } }
        return PQconnectdbParams(&names, &values, 1)
    }

    deinit { notices.deallocate() }

    func close() {
        isBroken = true
        PQfinish(handle)
    }

    var serverVersion: Int { Int(PQserverVersion(handle)) }
    /// WARNINGs the server has sent so far. One during a commit means that it may be lost yet.
    var warnings: Int { notices.pointee }
    var isInTransaction: Bool { [PQTRANS_INTRANS, PQTRANS_INERROR].contains(PQtransactionStatus(handle)) }
    var socket: Int32 { PQsocket(handle) }

    // MARK: Sending

    /// Sends a statement whose shape is known. The reply comes from the next `settle`, in the order of sending.
    func send(_ key: Key, _ text: String, name: String, _ parameters: Parameters) throws {
        if isBehindBouncer { return try sendUnnamed(text, name: name, parameters) }
        let prepared = try prepare(key, text, name: name)
        let code = parameters.withPointers { values, lengths, formats in
            PQsendQueryPrepared(handle, prepared, Int32(values.count), values, lengths, formats, 1)
        }
        try check(code)
        expected.append(.statement(name: name))
    }

    /// Sends a text without parameters that is not worth preparing: `BEGIN`, a migration's statement.
    func send(_ text: String) throws {
        try check(PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 1))
        expected.append(.statement(name: String(text.prefix { $0.isLetter })))
    }

    private func sendUnnamed(_ text: String, name: String, _ parameters: Parameters) throws {
        let code = parameters.withPointers { values, lengths, formats in
            PQsendQueryParams(handle, text, Int32(values.count), nil, values, lengths, formats, 1)
        }
        try check(code)
        expected.append(.statement(name: name))
    }

    private func prepare(_ key: Key, _ text: String, name: String) throws -> String {
        if let known = prepared[key] { return known }
        if oldest.count >= Self.preparedMaximum {
            let victim = oldest.removeFirst()
            if let name = prepared.removeValue(forKey: victim) {
                try check(PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1))
                expected.append(.housekeeping)
            }
        }
        names += 1
        let made = "s\(names)"
        try check(PQsendPrepare(handle, made, text, 0, nil))
        expected.append(.preparation(key, name: name))
        prepared[key] = made
        oldest.append(key)
        return made
    }

    /// Asks the server what types a text's parameters have. A round trip of its own.
    func describe(_ text: String, name: String) throws -> [UInt32] {
        precondition(expected.isEmpty)
        try check(PQsendPrepare(handle, "", text, 0, nil))
        try check(PQsendDescribePrepared(handle, ""))
        expected = [.statement(name: name), .description]
        var types: [UInt32] = []
        for reply in try settle(within: 10) {
            switch reply {
            case .rows(let result):
                types = (0..<PQnparams(result.handle)).map { PQparamtype(result.handle, $0) }
            case .failed(let fault): throw fault
            case .changed, .skipped: break
            }
        }
        return types
    }

    private func check(_ code: Int32) throws {
        guard code == 1 else { throw lost() }
    }

    // MARK: Waiting

    /// Waits for the answers to everything sent since the last call. Throws only when the connection is gone.
    func settle(within seconds: Double?) throws -> [Reply] {
        try check(PQpipelineSync(handle))
        let deadline = seconds.map { ContinuousClock.now + .seconds($0) }
        try flush(deadline)
        var replies: [Reply] = []
        replies.reserveCapacity(expected.count)
        for item in expected {
            guard let result = try next(deadline) else { throw lost() }
            let reply = reply(to: item, result)
            if try next(deadline) != nil { throw lost() }
            if let reply { replies.append(reply) }
        }
        guard let end = try next(deadline), end.status == PGRES_PIPELINE_SYNC else { throw lost() }
        expected.removeAll(keepingCapacity: true)
        return replies
    }

    private func reply(to item: Expected, _ result: PostgresResult) -> Reply? {
        let status = result.status
        switch item {
        case .preparation(let key, let name):
            if status == PGRES_COMMAND_OK { return nil }
            prepared[key] = nil
            oldest.removeAll { $0 == key }
            // The statement behind it is skipped and has a reply of its own; this one says why.
            preparationFault = status == PGRES_PIPELINE_ABORTED ? nil : PostgresFault(result, statement: name)
            return nil
        case .description: return .rows(result)
        case .housekeeping: return nil
        case .statement(let name):
            switch status {
            case PGRES_TUPLES_OK: return .rows(result)
            case PGRES_COMMAND_OK: return .changed(result.changed)
            case PGRES_PIPELINE_ABORTED:
                defer { preparationFault = nil }
                return preparationFault.map { .failed($0) } ?? .skipped
            default: return .failed(PostgresFault(result, statement: name))
            }
        }
    }

    private var preparationFault: PostgresFault?

    /// The next result, or nil where one statement's results end.
    private func next(_ deadline: ContinuousClock.Instant?) throws -> PostgresResult? {
        while PQisBusy(handle) == 1 {
            try wait(for: Int16(POLLIN), deadline)
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        guard let result = PQgetResult(handle) else {
            if PQstatus(handle) == CONNECTION_BAD { throw lost() }
            return nil
        }
        let answer = PostgresResult(result)
        // FATAL: the server has said its last word.
        if PQstatus(handle) == CONNECTION_BAD {
            isBroken = true
            throw answer.sqlState.isEmpty ? lost() : PostgresFault.lost("the server ended the connection (\(answer.sqlState))")
        }
        return answer
    }

    /// Sends what libpq still keeps, reading meanwhile: a server that cannot hand over its answers stops listening.
    private func flush(_ deadline: ContinuousClock.Instant?) throws {
        while true {
            let left = PQflush(handle)
            if left == 0 { return }
            guard left == 1 else { throw lost() }
            let ready = try wait(for: Int16(POLLIN | POLLOUT), deadline)
            if ready & Int16(POLLIN) != 0, PQconsumeInput(handle) != 1 { throw lost() }
        }
    }

    @discardableResult
    private func wait(for events: Int16, _ deadline: ContinuousClock.Instant?) throws -> Int16 {
        var watched = pollfd(fd: PQsocket(handle), events: events, revents: 0)
        while true {
            var milliseconds: Int32 = -1
            if let deadline {
                let left = (deadline - ContinuousClock.now).seconds
                if left <= 0 { throw lost("no answer in time") }
                milliseconds = Int32(min(left * 1_000 + 1, 60_000))
            }
            let count = poll(&watched, 1, milliseconds)
            if count > 0 { return watched.revents }
            if count < 0 && errno != EINTR { throw lost() }
        }
    }

    private func lost(_ why: String? = nil) -> PostgresFault {
        isBroken = true
        return .lost(why ?? "the connection to the server broke")
    }

    // MARK: Rare things

    /// Runs a text of any number of statements, outside the pipeline. For migrations and hand-typed SQL.
    func runScript(_ text: String) throws {
        precondition(expected.isEmpty)
        guard PQexitPipelineMode(handle) == 1 else { throw lost() }
        try check(PQsendQuery(handle, text))
        try flush(nil)
        var fault: PostgresFault?
        while let result = try next(nil) {
            if result.status == PGRES_FATAL_ERROR, fault == nil { fault = PostgresFault(result, statement: "script") }
        }
        guard PQenterPipelineMode(handle) == 1 else { throw lost() }
        if let fault { throw fault }
    }

    /// Notifications that have come, by channel and payload.
    func takeNotifications() -> [(channel: String, payload: String)] {
        var taken: [(String, String)] = []
        if PQconsumeInput(handle) != 1 { isBroken = true }
        while let notice = PQnotifies(handle) {
            taken.append((String(cString: notice.pointee.relname), String(cString: notice.pointee.extra)))
            PQfreemem(notice)
        }
        return taken
    }

    /// Whether the server still answers, asked of a connection that has been idle.
    func answers() -> Bool {
        do {
            try send("SELECT 1")
            for reply in try settle(within: 2) { if case .failed = reply { return false } }
            return true
        } catch {
            isBroken = true
            return false
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
