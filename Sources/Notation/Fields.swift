/// One thing wrong with one field of a document.
public struct FieldProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// A JSON pointer as a URI fragment (RFC 6901 §6): `#/patients/0/name`.
    public var pointer: String
    /// What is wrong and what would be right. Never the value itself: it may be somebody's name.
    public var detail: String
    /// The line of the document, counted from 1.
    public var line: Int

    public init(pointer: String, detail: String, line: Int) {
        self.pointer = pointer
        self.detail = detail
        self.line = line
    }

    public var description: String { "\(pointer): \(detail)" }
}

/// Everything wrong with a document, in its order.
public struct FieldProblems: Error, Sendable, CustomStringConvertible {
    public var problems: [FieldProblem]
    public init(_ problems: [FieldProblem]) { self.problems = problems }
    public var description: String { problems.map(\.description).joined(separator: "; ") }
}

/// Reads an object field by field and collects every mistake instead of stopping at the first.
///
/// A reader returns a placeholder when a field is wrong, so the reading code stays straight; `check()` throws before
/// anybody can use one. Ask for every field, then call `check()`: members nobody asked for are mistakes too.
public final class Fields {
    private let object: [JSON.Member]
    private let pointer: String
    private let line: Int
    /// A handful: looked through faster than hashed.
    private var asked: [String] = []
    private var hasRefusedUnknown = false
    private let collected: Collected

    /// Shared by a document's reader and the readers of the objects in it.
    private final class Collected { var problems: [FieldProblem] = [] }

    public init(_ json: JSON, at pointer: String = "#") {
        self.pointer = pointer
        self.line = json.line
        self.collected = Collected()
        self.object = json.members ?? []
        if json.members == nil { problem(pointer, "must be an object", line) }
    }

    private init(_ json: JSON, at pointer: String, collected: Collected) {
        self.pointer = pointer
        self.line = json.line
        self.collected = collected
        self.object = json.members ?? []
        if json.members == nil { problem(pointer, "must be an object", line) }
    }

    /// Every mistake so far, those of nested objects included.
    public var problems: [FieldProblem] { collected.problems }

    /// Throws when anything was wrong, or when the document has members nobody asked for.
    public func check() throws(FieldProblems) {
        refuseUnknown()
        if !collected.problems.isEmpty { throw FieldProblems(collected.problems) }
    }

    /// Notes members nobody asked for. A nested reader calls it when its object is read to the end.
    public func refuseUnknown() {
        if hasRefusedUnknown { return }
        hasRefusedUnknown = true
        for member in object where !asked.contains(member.name) {
            problem(path(member.name), "is not known here", member.value.line)
        }
    }

    public func has(_ name: String) -> Bool { find(name) != nil }

    public func reject(_ name: String, _ detail: String) {
        problem(path(name), detail, find(name)?.line ?? line)
    }

    // MARK: Required

    /// Text of 1…`max` characters after which nothing was cut.
    public func text(_ name: String, max: Int = 128) -> String {
        required(name) { self.text($0, name, max: max) } ?? ""
    }

    public func integer(_ name: String, in range: ClosedRange<Int>) -> Int {
        required(name) { self.integer($0, name, in: range) } ?? range.lowerBound
    }

    public func id<Subject>(_ name: String, _: Subject.Type = Subject.self) -> ID<Subject> {
        required(name) { self.id($0, self.path(name)) } ?? ID(high: 0, low: 0)
    }

    public func instant(_ name: String) -> Instant {
        required(name) { self.instant($0, name) } ?? Instant(microseconds: 0)
    }

    public func day(_ name: String) -> CalendarDay {
        required(name) { self.day($0, name) } ?? CalendarDay(number: 0)
    }

    public func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type = Choice.self) -> Choice
    where Choice.RawValue == String {
        required(name) { self.choice($0, name) } ?? Choice.allCases.first!
    }

    public func bool(_ name: String) -> Bool {
        required(name) { self.bool($0, name) } ?? false
    }

    public func ids<Subject>(_ name: String, _: Subject.Type = Subject.self, count: ClosedRange<Int>) -> [ID<Subject>] {
        list(name, count: count) { self.id($0, $1) }
    }

    // MARK: Optional

    public func optionalText(_ name: String, max: Int = 128) -> String? { optional(name) { self.text($0, name, max: max) } }
    public func optionalInteger(_ name: String, in range: ClosedRange<Int>) -> Int? {
        optional(name) { self.integer($0, name, in: range) }
    }
    public func optionalID<Subject>(_ name: String, _: Subject.Type = Subject.self) -> ID<Subject>? {
        optional(name) { self.id($0, self.path(name)) }
    }
    public func optionalInstant(_ name: String) -> Instant? { optional(name) { self.instant($0, name) } }
    public func optionalDay(_ name: String) -> CalendarDay? { optional(name) { self.day($0, name) } }
    public func optionalBool(_ name: String) -> Bool? {
        optional(name) { self.bool($0, name) }
    }
    public func optionalChoice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type = Choice.self) -> Choice?
    where Choice.RawValue == String {
        optional(name) { self.choice($0, name) }
    }

    /// A list of texts; empty when the member is absent.
    ///
    /// - Parameter form: what each has to be, where any text will not do; `isFine` says whether it is.
    public func texts(
        _ name: String, max: Int = 64, count: ClosedRange<Int> = 0...64, like form: String? = nil,
        _ isFine: (String) -> Bool = { _ in true }
    ) -> [String] {
        guard has(name) || count.lowerBound > 0 else {
            asked.append(name)
            return []
        }
        return list(name, count: count) { json, path in
            guard let text = json.string, !text.isEmpty, text.utf8.count <= max * 8, text.count <= max, !text.utf8.contains(0)
            else {
                return self.refused(path, "must be text of 1 to \(max) characters", json)
            }
            return isFine(text) ? text : self.refused(path, "must be \(form ?? "another text")", json)
        }
    }

    /// The objects of a list, each with its own reader. Absent is empty.
    public func objects(_ name: String, _ each: (Fields) -> Void) {
        guard let json = ask(name) else { return }
        guard let elements = json.array else {
            problem(path(name), "must be a list", json.line)
            return
        }
        for (index, element) in elements.enumerated() {
            let fields = Fields(element, at: "\(path(name))/\(index)", collected: collected)
            each(fields)
            if element.members != nil { fields.refuseUnknown() }
        }
    }

    /// A nested object with its own reader; nil when absent.
    public func object<Value>(_ name: String, _ body: (Fields) -> Value) -> Value? {
        guard let json = ask(name) else { return nil }
        let fields = Fields(json, at: path(name), collected: collected)
        let value = body(fields)
        if json.members != nil { fields.refuseUnknown() }
        return value
    }

    // MARK: How

    private func list<Element>(_ name: String, count: ClosedRange<Int>, _ each: (JSON, String) -> Element?) -> [Element] {
        required(name) { json -> [Element]? in
            guard let elements = json.array, count.contains(elements.count) else {
                return self.refused(self.path(name), "must be a list of \(count.lowerBound) to \(count.upperBound) entries", json)
            }
            return elements.enumerated().compactMap { each($1, "\(self.path(name))/\($0)") }
        } ?? []
    }

    private func text(_ json: JSON, _ name: String, max: Int) -> String? {
        // A character may carry any number of accents, so the bytes are bounded too.
        guard let text = json.string, !text.isEmpty, text.utf8.count <= max * 8, text.count <= max, !text.utf8.contains(0) else {
            return refused(path(name), "must be text of 1 to \(max) characters", json)
        }
        return text
    }

    private func bool(_ json: JSON, _ name: String) -> Bool? {
        if case .bool(let truth) = json.content { return truth }
        return refused(path(name), "must be true or false", json)
    }

    private func integer(_ json: JSON, _ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let number = json.integer, let integer = Int(exactly: number), range.contains(integer) else {
            return refused(path(name), "must be a whole number from \(range.lowerBound) to \(range.upperBound)", json)
        }
        return integer
    }

    private func id<Subject>(_ json: JSON, _ path: String) -> ID<Subject>? {
        guard let text = json.string, let id = ID<Subject>(text) else { return refused(path, "must be a UUID", json) }
        return id
    }

    private func instant(_ json: JSON, _ name: String) -> Instant? {
        guard let text = json.string, let instant = Instant(text) else {
            return refused(path(name), "must be a time with an offset, such as 2026-03-01T09:00:00Z (RFC 3339)", json)
        }
        return instant
    }

    private func day(_ json: JSON, _ name: String) -> CalendarDay? {
        guard let text = json.string, let day = CalendarDay(text) else {
            return refused(path(name), "must be a day that exists, such as 2026-03-01", json)
        }
        return day
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(_ json: JSON, _ name: String) -> Choice?
    where Choice.RawValue == String {
        guard let text = json.string, let choice = Choice(rawValue: text) else {
            return refused(
                path(name), "must be one of " + Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "), json)
        }
        return choice
    }

    private func required<Value>(_ name: String, _ read: (JSON) -> Value?) -> Value? {
        guard let json = ask(name) else {
            problem(path(name), "is missing", line)
            return nil
        }
        return read(json)
    }

    private func optional<Value>(_ name: String, _ read: (JSON) -> Value?) -> Value? { ask(name).flatMap(read) }

    /// The member's value; null counts as absent.
    private func ask(_ name: String) -> JSON? {
        asked.append(name)
        return find(name)
    }

    private func find(_ name: String) -> JSON? {
        guard let value = object.first(where: { $0.name == name })?.value, value.content != .null else { return nil }
        return value
    }

    private func refused<Value>(_ path: String, _ detail: String, _ json: JSON) -> Value? {
        problem(path, detail, json.line)
        return nil
    }

    private func problem(_ pointer: String, _ detail: String, _ line: Int) {
        collected.problems.append(FieldProblem(pointer: pointer, detail: detail, line: line))
    }

    /// A member of a document is named by its JSON pointer, a parameter of a query as `?name`.
    private func path(_ name: String) -> String { pointer == "?" ? "?\(name)" : "\(pointer)/\(escaped(name))" }
}

/// A member's name inside a JSON pointer (RFC 6901 §3).
private func escaped(_ name: String) -> String {
    guard name.contains(where: { $0 == "~" || $0 == "/" }) else { return name }
    return name.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
}
