public import Notation
import Scheduling
import Storage

/// One page of a list that goes on by cursor (MA-6).
public struct Page<Element: Sendable>: Sendable {
    public let elements: [Element]
    /// Where the next page starts; nil at the end.
    public let next: Cursor?
}

/// A place in a list: the last element seen. Opaque to clients; its text is `time~identifier`.
public struct Cursor: Sendable, Equatable, CustomStringConvertible {
    public let at: Instant
    public let id: ID<Cursor>

    public init(at: Instant, id: ID<Cursor>) {
        self.at = at
        self.id = id
    }

    static let start = Cursor(at: Instant(microseconds: .min), id: ID(high: 0, low: 0))

    public var description: String { "\(String(at.microseconds, radix: 36))~\(id)" }

    public init?(_ text: String) {
        let parts = text.split(separator: "~", maxSplits: 1)
        guard parts.count == 2, let microseconds = Int64(parts[0], radix: 36), let id = ID<Cursor>(String(parts[1])),
            Cursor.possible.contains(Instant(microseconds: microseconds))
        else { return nil }
        self.init(at: Instant(microseconds: microseconds), id: id)
    }

    /// What a text of RFC 3339 can say. A cursor made up beyond it would overflow whatever is reckoned from it.
    private static let possible = Instant("0001-01-01T00:00:00Z")!...Instant("9999-12-31T23:59:59Z")!
}

/// What part of a list is wanted.
public struct PageRequest: Sendable {
    public static let usual = 20
    public static let most = 200
    public var after: Cursor?
    public var limit: Int

    public init(after: Cursor? = nil, limit: Int = PageRequest.usual) {
        self.after = after
        self.limit = limit
    }

    /// Cuts a list read with one element more than asked for.
    func page<Element>(_ elements: [Element], at cursor: (Element) -> Cursor) -> Page<Element> {
        guard elements.count > limit else { return Page(elements: elements, next: nil) }
        return Page(elements: Array(elements.prefix(limit)), next: cursor(elements[limit - 1]))
    }
}

/// The bindings of a page of appointments: between two instants, after a cursor.
struct AppointmentPage: Sendable {
    let range: TimeRange
    let request: PageRequest

    /// Asks for one row more, to know whether there is a next page.
    var bindings: [SQLValue] {
        let after = request.after ?? .start
        return [
            .instant(range.from), .instant(range.to), .instant(max(after.at, range.from - Span(microseconds: 1))),
            .id(after.id), .integer(request.limit + 1),
        ]
    }
}
