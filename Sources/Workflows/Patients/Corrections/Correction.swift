public import Notation
public import People
import Scheduling
import Storage

/// Somebody asks that a field of a patient's record say something else (45 CFR 164.526, GDPR Article 16), and what came of it.
public struct Correction: Sendable {
    public enum State: String, Sendable, CaseIterable { case open, accepted, denied }

    /// Why a request may be denied (45 CFR 164.526(a)(2)).
    public enum Basis: String, Sendable, CaseIterable {
        case notCreatedHere = "not-created-here"
        case notInRecordSet = "not-in-record-set"
        case notOpenToAccess = "not-open-to-access"
        case accurate = "accurate-and-complete"
    }

    public struct Decision: Sendable {
        public let by: String
        public let at: Instant
        /// Nil when it was accepted; then there is no reason either.
        public let basis: Basis?
        public internal(set) var reason: Personal<String>?
    }

    public struct Disagreement: Sendable {
        public internal(set) var statement: Personal<String>
        public let at: Instant
    }

    /// How long a decision may take, and for how long it can be put off, once (45 CFR 164.526(b)(2)).
    public static let decidedWithin: Span = .days(60)
    public static let extendedBy: Span = .days(30)

    public let id: ID<Correction>
    public let patient: ID<Patient>
    public let field: RecordField
    /// What the record said when it was asked; nil where it said nothing.
    public internal(set) var says: Personal<String>?
    /// Nil where it should say nothing.
    public internal(set) var shouldSay: Personal<String>?
    public internal(set) var statement: Personal<String>
    public internal(set) var state: State
    /// Who asked: `patient:0192…`, or whoever did on their behalf.
    public let askedBy: String
    public let askedAt: Instant
    public internal(set) var dueAt: Instant
    /// Why the decision was put off; nil while it was not.
    public internal(set) var extensionReason: Personal<String>?
    public internal(set) var decision: Decision?
    /// What the patient says to a denial. It goes with the export.
    public internal(set) var disagreement: Disagreement?
    /// Counts changes, for `If-Match`.
    public internal(set) var version: Int

    public func isOverdue(at now: Instant) -> Bool { state == .open && dueAt <= now }
}

/// What somebody asks to have corrected.
public struct CorrectionRequest: Sendable {
    public let field: RecordField
    public let says: Personal<String>?
    public let shouldSay: Personal<String>?
    public let statement: Personal<String>

    public init(field: RecordField, says: Personal<String>?, shouldSay: Personal<String>?, statement: Personal<String>) {
        self.field = field
        self.says = says
        self.shouldSay = shouldSay
        self.statement = statement
    }
}

/// Which correction a verb is about, and which version of it the caller has seen; nil when they do not mind.
public struct CorrectionTarget: Sendable {
    public let id: ID<Correction>
    public let expectedVersion: Int?

    public init(id: ID<Correction>, expectedVersion: Int? = nil) {
        self.id = id
        self.expectedVersion = expectedVersion
    }
}

extension Correction: Sealable {
    static let table = "correction"
    static let sealedColumns = ["says", "should_say", "statement", "extension_reason", "decision_reason", "disagreement"]
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Correction {
        var copy = self
        copy.says = try says.map { try exchange("says", $0) }
        copy.shouldSay = try shouldSay.map { try exchange("should_say", $0) }
        copy.statement = try exchange("statement", statement)
        copy.extensionReason = try extensionReason.map { try exchange("extension_reason", $0) }
        copy.decision?.reason = try decision?.reason.map { try exchange("decision_reason", $0) }
        if let disagreement { copy.disagreement?.statement = try exchange("disagreement", disagreement.statement) }
        return copy
    }
}

extension Patient {
    /// Throws when a field does not say, letter by letter, what somebody says it does.
    func mustSay(_ text: Personal<String>?, in field: RecordField) throws(Refusal) {
        let found = self[field].map { Array($0.revealed.utf8) }
        if found != text.map({ Array($0.revealed.utf8) }) { throw field.differing }
    }
}

extension RecordField {
    fileprivate var differing: Refusal {
        switch self {
        case .name: .nameDiffers
        case .birthDate: .birthDateDiffers
        case .email: .emailDiffers
        case .phone: .phoneDiffers
        case .recordNumber: .recordNumberDiffers
        }
    }
}
