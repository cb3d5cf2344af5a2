public import Notation
import People
import Scheduling
import Storage

/// A change of something the clinic has, as others may hear of it: identifiers and words from lists, nothing about a person.
public struct Change: Sendable, Equatable {
    /// What is told about. More kinds of things may come; who meets one they do not know passes over it.
    public enum Resource: String, Sendable, CaseIterable { case appointment }

    /// The event's own: the same in the feed, in every webhook and on the bus.
    public let id: ID<Change>
    /// `appointment.booked`
    public let kind: AppointmentEvent.Kind
    public let resource: Resource
    public let resourceID: ID<Change>
    /// The resource's after the change: of two changes of one thing the higher came later.
    public let version: Int
    public let at: Instant
    let place: ChangeCursor

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("kind", kind.rawValue)
            json.name("resource")
            json.object { json in
                json.member("type", resource.rawValue)
                json.member("id", resourceID)
            }
            json.member("version", version)
            json.member("at", at)
        }
    }
}

/// A place in the feed: the last change that was read. Opaque to clients; its text is `position~identifier`.
///
/// It names a change and where it lies, so a database that does not have that change there says that the cursor is not its own, instead of
/// going on somewhere else: one that was put back to an earlier time, or that the clinic has moved to.
public struct ChangeCursor: Sendable, Hashable, CustomStringConvertible {
    /// The writing transaction's number where a server counts them; else 0.
    let position: Int64
    let id: ID<Change>

    init(position: Int64, id: ID<Change>) {
        self.position = position
        self.id = id
    }

    static let start = ChangeCursor(position: 0, id: ID(high: 0, low: 0))

    public var description: String { "\(String(position, radix: 36))~\(id)" }

    /// Nil for what this program does not write.
    public init?(_ text: String) {
        let parts = text.split(separator: "~", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let position = Int64(parts[0], radix: 36), position >= 0,
            let id = ID<Change>(String(parts[1]))
        else { return nil }
        self.init(position: position, id: id)
        // A cursor has one spelling.
        if description != text { return nil }
    }
}

/// From where on somebody wants to read.
public enum ChangesFrom: Sendable, Equatable {
    /// The oldest change there is.
    case beginning
    /// Nothing that has happened so far: for who reads how things are next, and follows from there.
    case now
    case after(ChangeCursor)
}

/// A part of the feed.
public struct ChangePage: Sendable {
    public let changes: [Change]
    /// Where to go on, also when there was nothing; nil as long as the clinic has no changes at all.
    public let next: ChangeCursor?
    /// Whether there is more to read at once.
    public let hasMore: Bool
}

public enum ChangesFault: Error, Sendable {
    /// The database does not have the change the cursor names at the place it names.
    case cursorGone
}

extension Clinic {
    /// The clinic's changes, each once, none left out: what is read is what was committed for good, and no transaction that is still under
    /// way can put anything in front of it. Throws `ChangesFault.cursorGone` for a cursor of another database, or of a future that was
    /// put back.
    ///
    /// The order is that in which transactions began to write; of one thing, two changes that were made at the same time may come the other
    /// way round, and `version` says which is later.
    ///
    /// - Parameter limit: 1 to 1,000
    public func changes(_ from: ChangesFrom, limit: Int, for call: Call) async throws -> ChangePage {
        // Nothing in it is about a person: it needs leave, and no record.
        guard call.caller.may(.followChanges) else { throw Refusal.notPermitted }
        return try await database.read { transaction in
            switch from {
            case .now: return ChangePage(changes: [], next: try transaction.first(NewestChange()), hasMore: false)
            case .beginning: return try transaction.changes(after: .start, limit)
            case .after(let cursor):
                guard try transaction.first(ChangeStands(cursor: cursor)) != nil else { throw ChangesFault.cursorGone }
                return try transaction.changes(after: cursor, limit)
            }
        }
    }

    /// How long ago the oldest change was made that the feed does not show yet: a transaction that began before it has not ended. Zero when
    /// everything is shown.
    public func changesLag() async throws -> Span {
        let oldest = try await database.doing(.background).read { try $0.first(OldestHiddenChange()) ?? nil }
        return oldest.map { max(.zero, surroundings.clock.now - $0) } ?? .zero
    }
}

extension ReadTransaction {
    fileprivate func changes(after cursor: ChangeCursor, _ limit: Int) throws -> ChangePage {
        let found = try fetch(ChangesAfter(cursor: cursor, limit: limit + 1))
        let changes = Array(found.prefix(limit))
        return ChangePage(
            changes: changes, next: changes.last?.place ?? (cursor == .start ? nil : cursor), hasMore: found.count > limit)
    }
}
