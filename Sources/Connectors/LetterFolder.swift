import Foundation
public import Letters

/// Where letters go when there is no mail server: a file each, `.eml`, which every mail program opens. For a laptop, and for tests.
public struct LetterFolder: LetterCarrier {
    private let path: String

    /// - Parameter path: the folder; it is made when the first letter comes.
    public init(_ path: String) { self.path = path }

    public func carry(_ letter: Letter) async -> Handover {
        do {
            // Whoever reads one can do what it is for.
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // The same name in every attempt, and all of it or nothing.
            try Data(letter.message).write(to: URL(fileURLWithPath: "\(path)/\(letter.name).eml"), options: .atomic)
            return .done
        } catch {
            return .later(after: nil, reason: "the letter cannot be written into the folder")
        }
    }
}
