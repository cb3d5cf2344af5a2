import Foundation

struct JournalFault: Error {
    let reason: String
}

/// Everything that is to be there after a restart, a line each; the last about a thing counts.
struct Journal: Sendable {
    struct Line: Codable {
        var kind: String
        var id: String
        var thing: Data
    }

    private let file: FileHandle

    /// Opens the file in a folder, which is made when it is not there.
    init(folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = Self.path(folder)
        if !FileManager.default.fileExists(atPath: path) {
            FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        // What a crash cut off goes, or the next line would stand behind it.
        let whole = FileManager.default.contents(atPath: path) ?? Data()
        let end = whole.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        try file.truncate(atOffset: UInt64(end))
        _ = try file.seekToEnd()
    }

    /// Writes another in its place: all of it or nothing.
    static func renew(folder: String, _ write: (Journal) throws -> Void) throws {
        let draft = "\(folder)/renewed"
        try? FileManager.default.removeItem(atPath: draft)
        try write(try Journal(folder: draft))
        guard rename(path(draft), path(folder)) == 0 else { throw JournalFault(reason: "the journal cannot be renewed") }
        try FileManager.default.removeItem(atPath: draft)
    }

    static func path(_ folder: String) -> String { "\(folder)/simulator.jsonl" }

    /// What was written; a last line that was cut off is left out.
    static func lines(folder: String) throws -> [Line] {
        guard let data = FileManager.default.contents(atPath: path(folder)) else { return [] }
        let decoder = JSONDecoder()
        let parts = data.split(separator: UInt8(ascii: "\n"))
        return try parts.enumerated().compactMap { index, part in
            do { return try decoder.decode(Line.self, from: part) } catch {
                if index == parts.count - 1 { return nil }
                throw error
            }
        }
    }

    func write(_ kind: String, _ id: String, _ thing: some Encodable) throws {
        let encoder = JSONEncoder()
        let line = try encoder.encode(Line(kind: kind, id: id, thing: try encoder.encode(thing)))
        try file.write(contentsOf: line + Data("\n".utf8))
    }
}
