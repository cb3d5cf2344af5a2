public import Notation
public import People
import Scheduling
import Storage

/// Which corrections a list shows.
public enum CorrectionList: Sendable {
    /// Those nobody has decided, the most urgent first.
    case open
    /// All, in the order they were asked.
    case everything
    case ofPatient(ID<Patient>)
}

extension Clinic {
    /// One request, for the patient, whoever may ask on their behalf, and those who decide. To others there is none.
    public func correction(_ id: ID<Correction>, for call: Call) async throws -> Correction {
        let sealed = try await disclose("read.correction", id, to: call) { look in
            guard let found = try look.looking.first(CorrectionByID(id: id)) else { throw Refusal.recordUnknown }
            let patient = found.kept.patient
            look.trail.isAbout(patient, [patient])
            guard try look.permits(.askCorrection(patient)) || look.permits(.decideCorrections) else {
                throw Refusal.recordUnknown
            }
            return found
        }
        return try await opened(sealed)
    }

    /// Requests for correction, in pages.
    public func corrections(_ list: CorrectionList, page: PageRequest, for call: Call) async throws -> Page<Correction> {
        let sealed = try await disclose("read.corrections", list.subject, to: call) { look in
            look.trail.query = "\(list.query)limit=\(page.limit)"
            let after = page.after ?? .start
            let found: [Sealed<Correction>]
            switch list {
            case .ofPatient(let patient):
                look.trail.concerns([patient])
                if try !look.permits(.askCorrection(patient)) { try look.require(.decideCorrections) }
                found = try look.looking.fetch(
                    CorrectionsOfPatient(patient: patient, after: after.id.of(), limit: page.limit + 1))
            case .open:
                try look.require(.decideCorrections)
                found = try look.looking.fetch(OpenCorrections(after: after.possible, limit: page.limit + 1))
            case .everything:
                try look.require(.decideCorrections)
                found = try look.looking.fetch(CorrectionsAfter(after: after.id.of(), limit: page.limit + 1))
            }
            let answer = page.page(found.map(\.kept)) { Cursor(at: $0.dueAt, id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.patient))
            return answer
        }
        return try await opened(sealed)
    }

    /// How many requests wait for a decision, and how many of them have waited too long.
    public func correctionDepth() async throws -> (open: Int, overdue: Int) {
        let now = surroundings.clock.now
        return try await database.doing(.background).read { try $0.first(CorrectionDepth(now: now)) } ?? (0, 0)
    }

    /// Those nobody has decided, the most urgent first, for whoever looks after the clinic: no words of anybody.
    public func openCorrections(limit: Int) async throws -> [Correction] {
        try await database.read { try $0.fetch(OpenCorrections(after: Cursor.start.possible, limit: limit)) }.map(\.kept)
    }
}

extension CorrectionList {
    fileprivate var subject: ID<AuditSubject> {
        switch self {
        case .open, .everything: AuditSubject.everybody
        case .ofPatient(let patient): patient.of()
        }
    }

    fileprivate var query: String {
        switch self {
        case .open: "state=open&"
        case .everything: ""
        case .ofPatient(let patient): "patient=\(patient)&"
        }
    }
}

extension Cursor {
    /// The beginning of all lists is before what PostgreSQL can say.
    fileprivate var possible: Cursor { Cursor(at: max(at, Instant(microseconds: 0)), id: id) }
}
