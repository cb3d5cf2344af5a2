public import Notation
import Sealing
public import Storage

/// What is wrong with an audit trail.
public enum AuditFlaw: Sendable, Equatable, CustomStringConvertible {
    case recordEdited(ID<AuditEntry>, subject: ID<AuditSubject>, seal: Int)
    /// The words that belong to it are not those it was written with.
    case reasonEdited(ID<AuditEntry>, subject: ID<AuditSubject>)
    case recordDeleted(ID<AuditEntry>, subject: ID<AuditSubject>, seal: Int?)
    /// It is there, and neither sealed nor waiting for it: the program did not write it.
    case recordSlippedIn(ID<AuditEntry>, subject: ID<AuditSubject>)
    case sealMissing(Int)
    /// Its parts do not fit each other or the seal before: it was edited, or stands in another's place.
    case sealBroken(Int)
    case sealOfAStranger(Int, publicKey: [UInt8])
    /// An anchor says that the history went further, or elsewhere.
    case historyCutOff(at: Int, anchored: Int)
    case historyReplaced(at: Int)
    case anchorForged(line: Int)

    public var description: String {
        switch self {
        case .recordEdited(let id, let subject, let seal): "record \(id) of \(subject) was edited after seal \(seal)"
        case .reasonEdited(let id, let subject): "the reason in record \(id) of \(subject) was edited"
        case .recordDeleted(let id, let subject, let seal?): "record \(id) of \(subject) was deleted after seal \(seal)"
        case .recordDeleted(let id, let subject, nil): "record \(id) of \(subject) was deleted before it was sealed"
        case .recordSlippedIn(let id, let subject): "record \(id) of \(subject) was not written by the program"
        case .sealMissing(let number): "seal \(number) is missing"
        case .sealBroken(let number): "seal \(number) was edited, or stands in another's place"
        case .sealOfAStranger(let number, let key):
            "seal \(number) was signed with a key nobody trusts: \(Hexadecimal.text(key)); trust it with --trust if it is yours"
        case .historyCutOff(let last, let anchored):
            "the history ends at seal \(last), and an anchor knows seal \(anchored): it was cut off, or an old backup restored"
        case .historyReplaced(let number): "seal \(number) is not the one that was anchored: the history was written anew"
        case .anchorForged(let line): "line \(line) of the anchors is no anchor that a trusted key has signed"
        }
    }
}

public struct AuditReport: Sendable {
    public var flaws: [AuditFlaw] = []
    public var seals = 0
    public var records = 0
    /// Recorded within the last moments, and not sealed yet.
    public var waiting = 0
    public var anchors = 0
}

/// Reads the whole audit trail and says what somebody has done to it.
public struct AuditVerifier: Sendable {
    private let database: any Database
    private let trusted: [[UInt8]]

    private static let sealsAtOnce = 50
    private static let recordsAtOnce = 500

    /// - Parameter trusted: the public keys that may have signed seals.
    public init(_ database: any Database, trusting trusted: [[UInt8]]) {
        self.database = database.doing(.analytics)
        self.trusted = trusted
    }

    /// - Parameters:
    ///   - anchors: the lines of an anchor file; empty ones are passed over.
    ///   - progress: hears how many records were looked at, of how many.
    public func verify(
        anchors lines: [String] = [], progress: @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws -> AuditReport {
        var report = AuditReport()
        let counts = try await counts()
        var links: [Int: [UInt8]] = [:]
        var (previous, number) = (Seal.beginning, 0)
        while true {
            let page = try await database.read { [number] in try $0.fetch(SealsAfter(number: number, limit: Self.sealsAtOnce)) }
            for (seal, records) in page {
                for missing in number + 1..<seal.number { report.flaws.append(.sealMissing(missing)) }
                // After a gap the link before is not known.
                let isNext = seal.number == number + 1
                check(seal, records, after: isNext ? previous : nil, &report)
                try await check(records, in: seal.number, &report)
                (previous, number) = (seal.link, seal.number)
                links[seal.number] = seal.link
                report.seals += 1
                report.records += records.count
                progress(report.records, counts.records)
            }
            if page.count < Self.sealsAtOnce { break }
        }
        try await checkWhatWaits(&report)
        try await checkWhatNobodySealed(&report)
        check(lines, against: links, last: number, &report)
        return report
    }

    private func counts() async throws -> (records: Int, sealed: Int, waiting: Int) {
        try await database.read { try $0.first(AuditCounts()) } ?? (0, 0, 0)
    }

    private func check(_ seal: Seal, _ records: [SealedRecord], after previous: [UInt8]?, _ report: inout AuditReport) {
        let isWhole = records.count == seal.count && MerkleTree.root(of: records.map(\.digest)) == seal.root
        let isSound = previous.map { seal.isSound(after: $0) } ?? seal.isSigned
        if !isWhole || !isSound { report.flaws.append(.sealBroken(seal.number)) }
        if !trusted.contains(seal.publicKey) {
            report.flaws.append(.sealOfAStranger(seal.number, publicKey: seal.publicKey))
        }
    }

    private func check(_ records: [SealedRecord], in seal: Int, _ report: inout AuditReport) async throws {
        for start in stride(from: 0, to: records.count, by: Self.recordsAtOnce) {
            let part = Array(records[start..<min(start + Self.recordsAtOnce, records.count)])
            let (found, words) = try await database.read { transaction in
                let found = try transaction.fetch(each: part.map { AuditRecord(subject: $0.subject, id: $0.id) })
                let worded = zip(part, found).filter { $1.first?.reason?.revealed.hasPrefix(ReasonDigest.prefix) == true }
                let words = try transaction.fetch(each: worded.map { ReasonRow(subject: $0.0.subject, id: $0.0.id) })
                return (found, zip(worded, words).map { (id: $0.0.id, text: $1.first) })
            }
            let texts = Dictionary(words.map { ($0.id, $0.text) }) { $1 }
            for (record, rows) in zip(part, found) {
                // Words that are gone were erased with whom they spoke of.
                if let text = texts[record.id] ?? nil, rows.first?.reason?.revealed != ReasonDigest.text(of: text) {
                    report.flaws.append(.reasonEdited(record.id, subject: record.subject))
                }
                guard let entry = rows.first?.of(record.subject) else {
                    report.flaws.append(.recordDeleted(record.id, subject: record.subject, seal: seal))
                    continue
                }
                if entry.digest != record.digest {
                    report.flaws.append(.recordEdited(record.id, subject: record.subject, seal: seal))
                }
            }
        }
    }

    /// Whatever waits has to be there.
    private func checkWhatWaits(_ report: inout AuditReport) async throws {
        var after: ID<AuditEntry> = ID(high: 0, low: 0)
        while true {
            let waiting = try await database.read { [after] transaction in
                try transaction.fetch(UnsealedRecords(after: after, limit: Self.recordsAtOnce))
            }
            report.waiting += waiting.count
            for record in waiting where record.entry == nil {
                report.flaws.append(.recordDeleted(record.id, subject: record.subject, seal: nil))
            }
            guard waiting.count == Self.recordsAtOnce, let last = waiting.last else { return }
            after = last.id
        }
    }

    /// When there are more records than the seals and the queue know of, looks for those that are too many.
    private func checkWhatNobodySealed(_ report: inout AuditReport) async throws {
        let deleted = report.flaws.filter { if case .recordDeleted = $0 { true } else { false } }.count
        let counts = try await counts()
        guard counts.records > counts.sealed + counts.waiting - deleted else { return }
        var sealed: Set<ID<AuditEntry>> = []
        var number = 0
        while true {
            let page = try await database.read { [number] in try $0.fetch(SealsAfter(number: number, limit: Self.sealsAtOnce)) }
            for (_, records) in page { sealed.formUnion(records.map(\.id)) }
            guard page.count == Self.sealsAtOnce, let last = page.last else { break }
            number = last.seal.number
        }
        var (subject, id) = (ID<AuditSubject>(high: 0, low: 0), ID<AuditEntry>(high: 0, low: 0))
        while true {
            let (page, waiting) = try await database.read { [subject, id, sealed] transaction in
                let page = try transaction.fetch(AuditAfter(subject: subject, id: id, limit: Self.recordsAtOnce))
                let unknown = page.filter { !sealed.contains($0.id) }
                return (page, zip(unknown, try transaction.fetch(each: unknown.map { IsUnsealed(id: $0.id) })))
            }
            for (record, rows) in waiting where rows.isEmpty {
                report.flaws.append(.recordSlippedIn(record.id, subject: record.subject))
            }
            guard page.count == Self.recordsAtOnce, let last = page.last else { break }
            (subject, id) = (last.subject, last.id)
        }
    }

    private func check(_ lines: [String], against links: [Int: [UInt8]], last: Int, _ report: inout AuditReport) {
        for (place, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            guard let anchor = Anchor(line: line), trusted.contains(anchor.publicKey), anchor.isSigned else {
                report.flaws.append(.anchorForged(line: place + 1))
                continue
            }
            report.anchors += 1
            if anchor.number > last {
                report.flaws.append(.historyCutOff(at: last, anchored: anchor.number))
            } else if links[anchor.number] != anchor.link {
                report.flaws.append(.historyReplaced(at: anchor.number))
            }
        }
    }
}
