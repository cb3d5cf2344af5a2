import Notation
import Outbox
public import People
import Scheduling
import Storage

/// Who asks for something, under which request, and with which key if it is a change.
public struct Call: Sendable {
    public let caller: Caller
    public let requestID: String
    public let attempt: Attempt?
    /// What the caller says they look for; nil is what their role usually does.
    public var purpose: Purpose?
    /// The operation's name in the API; nil for what nobody asked over it.
    public var operation: String?
    /// The network address it came from.
    public var address: String?
    /// Who is at the command line, and no caller of the clinic's: `operator:brandt`.
    public var operatorName: String?

    public init(
        caller: Caller, requestID: String, attempt: Attempt? = nil, purpose: Purpose? = nil, operation: String? = nil,
        address: String? = nil
    ) {
        self.caller = caller
        self.requestID = requestID
        self.attempt = attempt
        self.purpose = purpose
        self.operation = operation
        self.address = address
    }

    /// Who acts, as the audit names them.
    var by: String { operatorName ?? caller.principal }

    public var origin: RequestOrigin { RequestOrigin(id: requestID, operation: operation, address: address) }
}

/// Under which request somebody acts, and from where: for the records it leaves.
public struct RequestOrigin: Sendable, ExpressibleByStringInterpolation {
    public let id: String
    /// The operation's name in the API; nil for what nobody asked over it.
    public let operation: String?
    /// The network address it came from.
    public let address: String?

    public init(id: String, operation: String? = nil, address: String? = nil) {
        self.id = id
        self.operation = operation
        self.address = address
    }

    /// For what did not come over the network: `command-line`.
    public init(stringLiteral id: String) { self.init(id: id) }
}

/// One transaction while it is being told: what it reads, decides and writes, and what the index hears after the commit.
final class Story: Deciding {
    let transaction: any WriteTransaction
    let clinic: Clinic
    let call: Call
    let now: Instant
    let directory: Directory
    var trail = Trail()
    private(set) var hints: [AvailabilityHint] = []
    private var told: [ID<AppointmentEvent>] = []
    /// What the answer speaks of, where that is not what the request was about.
    var answerSubject: ID<AuditSubject>?

    init(
        _ transaction: any WriteTransaction, clinic: Clinic, call: Call, purpose: DirectoryCache.Purpose = .deciding
    ) throws {
        self.transaction = transaction
        self.clinic = clinic
        self.call = call
        self.now = clinic.surroundings.clock.now
        self.directory = try clinic.directory.current(transaction, for: purpose)
    }

    func hint(_ hint: AvailabilityHint) { hints.append(hint) }

    func told(_ event: ID<AppointmentEvent>) { told.append(event) }

    /// The times this story has taken or given up so far.
    var touchedTimes: [TouchedTime] {
        hints.compactMap { hint in
            switch hint {
            case .claimed(let claim), .released(let claim): TouchedTime(holder: claim.holder, range: claim.range)
            case .starts, .noLongerStarts, .directory: nil
            }
        }
    }

    func newID<Subject>(_: Subject.Type = Subject.self) -> ID<Subject> { clinic.surroundings.identifiers.next(Subject.self) }

    var looking: any ReadTransaction { transaction }

    /// Runs `body`; when it is refused, what it did is undone, and the index hears nothing of it.
    func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        let (hints, told) = (hints, told)
        do { return try transaction.savepoint { try namingTheHolder(body) } } catch let refusal as Refusal {
            (self.hints, self.told) = (hints, told)
            throw refusal
        }
    }

    /// Registers what has to happen once the commit is durable, in one hook.
    func sealHooks() {
        let clinic = clinic
        let directory = directory
        let hints = hints
        let told = told
        if clinic.directory.snapshot?.revision != directory.revision {
            transaction.afterCommit { clinic.directory.keep(directory) }
        }
        if !hints.isEmpty {
            transaction.afterCommit {
                // Who looks for times right after a change asks by it.
                for case .directory(let changed) in hints { clinic.directory.keep(changed) }
                clinic.availability.apply(hints, of: told)
                clinic.afterChange()
            }
        }
    }
}

/// How a change is run.
enum StoryManner: Sendable {
    case alone
    /// It reads first and writes afterwards, with `post`, so it can share a transaction with others of its kind.
    /// `foreseen` is what it will ask.
    case together(foreseen: [any Query])
    /// Nobody decides by the directory meanwhile.
    case changingDirectory

    fileprivate var changesDirectory: Bool { if case .changingDirectory = self { true } else { false } }
}

extension Clinic {
    /// Runs one change: permission, then the key, then the deed, in one transaction.
    ///
    /// `permit` reads what the permission depends on and throws when it is refused; it runs again for a repeat, because
    /// somebody who lost their permission must not be handed a stored answer. `act` decides and writes. A refusal undoes
    /// whatever `act` wrote and is itself kept under the key, so that a repeat hears the same; like one of `permit` it leaves a record.
    ///
    /// - Parameter manner: how the change is run; see `StoryManner`.
    func perform<Subject, Value: Sendable>(
        _ call: Call,
        manner: StoryManner = .alone,
        wording: Wording<Value>,
        permit: @escaping @Sendable (Story) throws -> Subject,
        act: @escaping @Sendable (Story, Subject) throws -> Value
    ) async throws -> Reply<Value> {
        let body: @Sendable (any WriteTransaction) throws -> Reply<Value> = { [self] transaction in
            let story = try Story(
                transaction, clinic: self, call: call, purpose: manner.changesDirectory ? .changing : .deciding)
            let reply = try self.tell(story, wording: wording, permit: permit, act: act)
            story.sealHooks()
            return reply
        }
        let reply = try await withKeys { try await runKnowingCollisions(body, manner) }
        observe(call, reply)
        return reply
    }

    private func runKnowingCollisions<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer, _ manner: StoryManner
    ) async throws -> Answer {
        do {
            return try await run(body, manner)
        } catch StorageFault.constraint(let name) where name == "idempotency_pkey" || name == "appointment_pkey" {
            // Another transaction with the same key or name was committed between this one's look and its write. Now there
            // is something to be seen, and what it means is decided again.
            return try await run(body, manner)
        }
    }

    private func run<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer, _ manner: StoryManner
    ) async throws -> Answer {
        switch manner {
        case .together(let foreseen): try await database.writeTogether(foreseen: foreseen, body)
        case .alone, .changingDirectory: try await database.write(body)
        }
    }

    private func tell<Subject, Value: Sendable>(
        _ story: Story,
        wording: Wording<Value>,
        permit: (Story) throws -> Subject,
        act: (Story, Subject) throws -> Value
    ) throws -> Reply<Value> {
        let subject: Subject
        do { subject = try permit(story) } catch let refusal as Refusal {
            try story.recordRefusal(refusal)
            // Not kept under the key: who is let in later may try again. But it says what is not there, and must not say so
            // from what a replaced leader last saw.
            if database.isShared { try story.transaction.post(Vouch()) }
            return .refused(refusal, wording.refused(refusal))
        }
        if let known = try story.earlierAnswer() {
            try story.recordRepeat()
            return .repeated(known)
        }
        do {
            let value = try story.transaction.savepoint { try story.namingTheHolder { try act(story, subject) } }
            let answer = wording.done(value)
            try story.keep(answer)
            return .done(value, answer)
        } catch let refusal as Refusal {
            story.forgetHints()
            try story.recordRuling(refusal)
            let answer = wording.refused(refusal)
            try story.keep(answer)
            return .refused(refusal, answer)
        }
    }
}

extension Story {
    func forgetHints() { hints = [] }

    /// The answer an earlier try with this key was given. Another request under the key is a mistake of the client.
    fileprivate func earlierAnswer() throws -> StoredAnswer? {
        guard let attempt = call.attempt,
            let stored = try transaction.first(StoredAttempt(principal: call.caller.principal, key: attempt.key))
        else { return nil }
        if stored.expiresAt <= now {
            try transaction.post(ForgetAttempt(principal: call.caller.principal, key: attempt.key))
            return nil
        }
        guard stored.fingerprint == attempt.fingerprint, stored.operation == attempt.operation else {
            throw KeyFault.usedForAnotherRequest
        }
        return try keys.open(stored.answer, of: call.caller.principal, under: attempt.key)
    }

    fileprivate func keep(_ answer: StoredAnswer) throws {
        guard let attempt = call.attempt else { return }
        let principal = call.caller.principal
        try transaction.post(
            StoreAttempt(
                principal: principal, attempt: attempt, answer: try keys.seal(answer, of: principal, under: attempt.key),
                expiresAt: now + clinic.settings.answersKept, subject: answerSubject ?? trail.subject))
    }

    /// The domain decides first, so the schema refuses a claim only when the decision missed something; then its word
    /// stands, and the caller hears the refusal it amounts to.
    func namingTheHolder<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch StorageFault.constraint(let name)
            where name == "claim_overlap" || name == "claim_lane" || name.hasPrefix("claim.holder_id") || name == "claim_pkey"
        {
            throw Refusal.practitionerTaken
        } catch StorageFault.constraint("patient_closed") {
            // Closed between the look and the write.
            throw Refusal.patientClosed
        } catch StorageFault.constraint(let name) where name == "waitlist_once" || name.hasPrefix("waitlist_entry.patient_id") {
            throw Refusal.alreadyWaiting
        }
    }
}
