import Foundation
import Processes

/// A configuration file of `deploy/`, as it is but for a few lines that cannot hold on one machine.
struct Adaptation {
    private var text: String
    private let path: String

    init(of path: String) throws {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ProcessFault("\(path) cannot be read; run this in the project's folder or say --deploy")
        }
        self.text = text
        self.path = path
    }

    /// Puts `new` where `old` stands. It has to stand there once: a file that changed must not slip through unadapted.
    func replacing(_ old: String, _ new: String) throws -> Adaptation {
        let parts = text.components(separatedBy: old)
        guard parts.count == 2 else { throw ProcessFault("\(path) should contain '\(old)' once") }
        var copy = self
        copy.text = parts.joined(separator: new)
        return copy
    }

    func contains(_ line: String) -> Bool { text.contains(line) }

    func written(to path: String, by tenant: Tenant) throws { try tenant.write(text, to: path) }

    /// The `NAME=value` lines of an environment file.
    var variables: [String: String] {
        var variables: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { variables[parts[0]] = parts[1] }
        }
        return variables
    }
}
