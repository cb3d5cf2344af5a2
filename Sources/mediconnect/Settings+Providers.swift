import Configuration
import Foundation
import SingleSignOn

extension Settings {
    /// Reads the list of identity providers; what is wrong with it is added to `problems`.
    static func providers(_ config: ConfigReader, base: String, _ problems: inout [String]) -> [Provider] {
        // oidc.providers: a JSON file, the identity providers that staff may sign in with; default none. docs/guides/single-sign-on.md
        // tells what stands in it.
        guard let path = config.string(forKey: "oidc.providers"), !path.isEmpty else { return [] }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            problems.append("oidc.providers: \(path) cannot be read")
            return []
        }
        let folder = (path as NSString).deletingLastPathComponent
        do {
            let providers = try Provider.list(parsing: Array(bytes), base: base) { name in
                let file = name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
                return FileManager.default.contents(atPath: file).map {
                    String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
                }
            }
            for one in providers where !one.network.isEmpty && ProviderCaller.exceptions(for: one).isEmpty {
                problems.append("oidc.providers: \(one.name): network: must list ranges such as 10.1.0.0/16")
            }
            return providers
        } catch {
            problems += error.lines.map { "oidc.providers: \($0)" }
            return []
        }
    }
}
