import Identity
public import Notation
public import Scheduling
import SingleSignOn
import Storage
import Workflows

/// One problem on its way out.
public struct Problem: Error, Sendable {
    public let type: ProblemType
    /// For the person who reads it; says nothing about anybody.
    public var detail: String?
    public var errors: [FieldProblem] = []
    /// The rule that said no, for staff.
    public var refusal: Refusal?
    public var allow: String?
    /// Seconds, where the type alone does not say.
    public var retryAfterSeconds: Int?

    public init(
        _ type: ProblemType, detail: String? = nil, errors: [FieldProblem] = [], refusal: Refusal? = nil, allow: String? = nil
    ) {
        self.type = type
        self.detail = detail
        self.errors = errors
        self.refusal = refusal
        self.allow = allow
    }

    func answer(base: String) -> Answer {
        var answer = Answer(status: type.status, contentType: "application/problem+json", body: document(base: base))
        answer.retryAfterSeconds = retryAfterSeconds ?? type.retryAfterSeconds
        answer.allow = allow
        if type.status == 401 { answer.challenge = type == .serviceUnknown ? "Basic realm=\"services\"" : "Bearer" }
        return answer
    }

    private func document(base: String) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("type", "\(base)/problems/\(type.rawValue)")
            json.member("title", type.title)
            json.member("status", type.status)
            json.member("detail", detail)
            json.member("retry", type.retry.rawValue)
            json.member("refusal", refusal?.rawValue)
            json.member("error", type.oauthName)
            if !errors.isEmpty {
                json.name("errors")
                json.array(of: errors) { json, error in
                    json.object { json in
                        json.member("pointer", error.pointer)
                        json.member("detail", error.detail)
                    }
                }
            }
        }
        return json.bytes
    }
}

extension Problem {
    /// What an error thrown below amounts to. Faults of our own say nothing of their inside.
    init(_ error: any Error, forStaff: Bool) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal: self.init(refusal, forStaff: forStaff)
        // A body of nothing but mistakes is not answered with ten times its size, nor a name as long as a body with its echo.
        case let fields as FieldProblems: self.init(.invalidFields, errors: fields.problems.prefix(100).map(\.shortened))
        case let mistake as JSONMistake: self.init(.badRequest, detail: "The body is not JSON: \(mistake)")
        case let key as KeyFault: self.init(key)
        case let fault as StorageFault: self.init(fault)
        case let fault as AccountFault: self.init(fault)
        case let fault as SignOnFault: self.init(fault)
        // The connection went away, or the server is stopping: nobody's fault.
        case is CancellationError: self.init(.unavailable)
        default: self.init(.internalFault)
        }
    }

    private init(_ fault: KeyFault) {
        switch fault {
        case .usedForAnotherRequest: self.init(.idempotencyKeyReused)
        case .inFlight: self.init(.requestInProgress)
        case .repeated: self.init(.internalFault)
        }
    }

    private init(_ fault: AccountFault) {
        func wrong(_ field: String, _ detail: String) -> [FieldProblem] {
            [FieldProblem(pointer: "#/\(field)", detail: detail, line: 1)]
        }
        // Named in full, as below.
        switch fault {
        case .credentialsWrong: self.init(ProblemType.credentialsWrong)
        case .sessionEnded: self.init(ProblemType.sessionEnded)
        case .overloaded: self.init(ProblemType.overloaded)
        case .tooManyTries(let seconds):
            self.init(ProblemType.tooManyTries)
            retryAfterSeconds = seconds
        case .roleNeeded(let roles):
            let names = roles.map(\.rawValue).joined(separator: ", ")
            self.init(
                ProblemType.invalidFields, errors: wrong("role", "must be one of \(names): what this account may sign in as"))
        case .roleTaken, .roleMissing: self.init(ProblemType.transitionNotAllowed)
        case .placeUnknown: self.init(ProblemType.unknownReference)
        case .passwordUnsuitable(let flaw): self.init(ProblemType.invalidFields, errors: wrong("newPassword", flaw.sentence))
        case .emailTaken: self.init(ProblemType.identifierAlreadyUsed, detail: "Another account has this address.")
        case .emailMissing: self.init(ProblemType.transitionNotAllowed, detail: "The account has no e-mail address.")
        case .emailVerified: self.init(ProblemType.transitionNotAllowed, detail: "The address is verified already.")
        case .emailChangedLately:
            self.init(
                ProblemType.transitionNotAllowed,
                detail: "The address was changed within the last seven days, and the one before can still be taken back.")
        case .serviceUnknown: self.init(ProblemType.serviceUnknown)
        case .scopeNotGranted: self.init(ProblemType.scopeNotGranted)
        case .serviceThere: self.init(ProblemType.identifierAlreadyUsed)
        case .linkOver: self.init(ProblemType.linkOver)
        case .secondFactorNeeded: self.init(ProblemType.secondFactorNeeded)
        case .secondFactorThere: self.init(ProblemType.transitionNotAllowed, detail: "There is a second factor already.")
        case .secondFactorMissing: self.init(ProblemType.transitionNotAllowed, detail: "No second factor waits for this.")
        case .codeWrong:
            self.init(ProblemType.invalidFields, errors: wrong("code", "is not what the authenticator shows, or was used before"))
        case .loginTaken: self.init(ProblemType.identifierAlreadyUsed)
        case .accountUnknown: self.init(ProblemType.notFound)
        case .identityRefused: self.init(ProblemType.identityRefused)
        case .linkTaken: self.init(ProblemType.identifierAlreadyUsed)
        }
    }

    /// Why is for the log alone: it says how far somebody got who tries to be somebody else.
    private init(_ fault: SignOnFault) {
        switch fault {
        case .provider: self.init(ProblemType.providerUnavailable)
        case .refused: self.init(ProblemType.identityRefused)
        }
    }

    private init(_ fault: StorageFault) {
        // Named in full: a bare `.overloaded` would be the fault again, and this initializer call itself without end.
        let type: ProblemType =
            switch fault {
            case .outcomeUnknown: .outcomeUnknown
            case .overloaded, .contended: .overloaded
            case .closed, .inUse, .timedOut, .full, .inputOutput, .corrupt, .cannotOpen, .connectionLost, .unreachable, .readOnly:
                .unavailable
            case .moving: .moving
            case .constraint, .newerSchema, .olderSchema, .statement: .internalFault
            }
        self.init(type)
    }
}

extension FieldProblem {
    /// With as much of its pointer as anybody needs to find the field.
    fileprivate var shortened: FieldProblem {
        guard pointer.utf8.count > 200 else { return self }
        var short = self
        short.pointer = pointer.prefix(200) + "…"
        return short
    }
}
