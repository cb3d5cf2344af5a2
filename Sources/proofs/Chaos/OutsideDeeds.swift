import Foundation
import Notation
import Processes

/// What those outside have done, as they wrote it down: nothing the clinic says of itself.
struct OutsideDeeds: Sendable {
    struct Effect: Sendable { let part, what, key: String; let count, repeats: Int }
    struct Intent: Sendable { let id, status: String; let reference: String?; let received: Int }
    struct Refund: Sendable { let reference: String?; let amount: Int }
    struct Entry: Sendable { let id, state: String; let time: Instant? }
    /// In the system that is being replaced.
    struct Former: Sendable { let request, state: String; let start: Instant }
    struct Record: Sendable { let appointment, status: String; let start: Instant? }

    var effects: [Effect] { Array(effectsByName.values) }
    var intents: [Intent] { Array(intentsByName.values) }
    var refunds: [Refund] { Array(refundsByName.values) }
    var entries: [Entry] { Array(entriesByName.values) }
    var records: [Record] { Array(recordsByName.values) }
    var formers: [Former] { Array(formersByName.values) }

    /// Whom each mail went to.
    var mails: [String] { Array(mailsByName.values) }
    /// The keys of text messages that were taken, and are said not to have arrived.
    private(set) var unarrived: Set<String> = []

    private var mailsByName: [String: String] = [:]
    private var effectsByName: [String: Effect] = [:]
    private var intentsByName: [String: Intent] = [:]
    private var refundsByName: [String: Refund] = [:]
    private var entriesByName: [String: Entry] = [:]
    private var recordsByName: [String: Record] = [:]
    private var formersByName: [String: Former] = [:]
    private let path: String
    private var place: UInt64 = 0

    /// - Parameter path: the simulator's journal: a line for each change, and the last about a thing counts.
    init(journal path: String) { self.path = path }

    /// All effects of a kind, whoever did them.
    func all(_ what: String) -> [Effect] { effects.filter { $0.what == what } }

    /// Reads what was written since the last time.
    mutating func readOn() throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw ProcessFault("\(path) cannot be read") }
        defer { try? file.close() }
        try file.seek(toOffset: place)
        let data = try file.readToEnd() ?? Data()
        // A line that is being written is for the next time.
        guard let end = data.lastIndex(of: UInt8(ascii: "\n")) else { return }
        for line in data[...end].split(separator: UInt8(ascii: "\n")) {
            let json = try JSON(parsing: Array(line))
            guard let kind = json["kind"]?.string, let id = json["id"]?.string,
                let thing = json["thing"]?.string.flatMap({ Data(base64Encoded: $0) })
            else { throw ProcessFault("a line of \(path) cannot be read") }
            try take(kind, id, try JSON(parsing: Array(thing)))
        }
        place += UInt64(end - data.startIndex + 1)
    }

    private mutating func take(_ kind: String, _ name: String, _ thing: JSON) throws {
        func text(_ name: String) -> String { thing[name]?.string ?? "" }
        func number(_ name: String) -> Int {
            guard let number = thing[name]?.integer else { return 0 }
            return Int(number)
        }
        switch kind {
        case "effect":
            effectsByName[name] = Effect(
                part: text("part"), what: text("what"), key: text("key"), count: number("count"), repeats: number("repeats"))
        case "intent":
            intentsByName[name] = Intent(
                id: text("id"), status: text("status"), reference: thing["metadata"]?["reference"]?.string,
                received: number("received"))
        case "refund":
            refundsByName[name] = Refund(reference: thing["metadata"]?["reference"]?.string, amount: number("amount"))
        case "mail": mailsByName[name] = text("to")
        case "text":
            if ["undelivered", "failed"].contains(text("status")) { unarrived.insert(text("key")) }
        case "scheduled": entriesByName[name] = Entry(id: text("id"), state: text("state"), time: Instant(text("time")))
        case "former":
            formersByName[name] = Former(
                request: text("requestID"), state: text("state"), start: Instant(microseconds: Int64(number("start"))))
        case "record":
            let body = try JSON(parsing: text("body"))
            let value = text("identifier").split(separator: "|").last.map(String.init) ?? ""
            recordsByName[name] = Record(
                appointment: value, status: body["status"]?.string ?? "",
                start: body["start"]?.string.flatMap { Instant($0) })
        default: break
        }
    }
}
