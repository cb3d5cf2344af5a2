import Foundation
import Processes
import Testing

/// What is wrong with the settings of a system that is replaced is said with the setting's name (GF-6).
@Suite struct TheFormerSystemsSettings {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("legacy-settings") }

    private func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
        return folder.file(name)
    }

    private func check(_ arguments: [String] = [], _ environment: [String: String] = [:]) async throws -> (
        status: Int32, text: String
    ) {
        let settings = environment.reduce(into: ["MEDICONNECT_DATA": folder.file("data")]) {
            $0["MEDICONNECT_\($1.key)"] = $1.value
        }
        let ended = try await ChildProcess.run(
            Programs.mediconnect, ["check"] + arguments, environment: settings, errors: nil)
        return (ended.status, ended.output.joined(separator: "\n"))
    }

    private static let url = "https://old.example.org/api"

    @Test func `in the environment`() async throws {
        defer { folder.remove() }
        let token = try write("tok_quax\n", "token")
        let empty = try write("\n", "empty")
        let whole = ["LEGACY_URL": Self.url, "LEGACY_TOKEN_FILE": token]
        let fine = try await check([], whole)
        #expect(fine.status == 0 && fine.text.contains(Self.url) && !fine.text.contains("quax"), "\(fine.text)")
        var cases: [([String: String], String)] = [
            (["LEGACY_URL": Self.url], "legacy.token.file: is needed with legacy.url"),
            (["LEGACY_TOKEN_FILE": token], "legacy.url: is needed with legacy.token.file"),
            (["LEGACY_URL": Self.url, "LEGACY_TOKEN_FILE": empty], "legacy.token.file: \(empty) cannot be read, or is empty"),
            (
                ["LEGACY_URL": Self.url, "LEGACY_TOKEN_FILE": "/nowhere"],
                "legacy.token.file: /nowhere cannot be read, or is empty"
            ),
            (["LEGACY_NAMES_FILE": "/nowhere"], "legacy.names.file: /nowhere cannot be read"),
            (
                ["SCHEDULING_PROVIDERS": "legacy=https://north.example.org", "SCHEDULING_TOKEN": "t"],
                "scheduling.providers: none may be called legacy where legacy.url is set"
            ),
        ]
        for (url, complaint) in [
            ("http://old.example.org", "legacy.url: must begin with https://"),
            ("old.example.org", "legacy.url: must begin with https://"),
            ("https://10.0.0.1", "legacy.url: must lead to the internet"),
            ("http://127.0.0.1:8090/legacy", "legacy.url: is on this machine"),
        ] { cases.append((["LEGACY_URL": url], complaint)) }
        for value in ["9", "100001", "-10", "many", "1.5"] {
            cases.append((["LEGACY_COMPARED": value], "legacy.compared: must be from 10 to 100000"))
        }
        for value in ["0", "1001", "fast", "50/s"] {
            cases.append((["LEGACY_RATE": value], "legacy.rate: must be from 1 to 1000"))
        }
        for (settings, complaint) in cases {
            // Half an account is said to be half; everything else is wrong beside a whole one.
            let isAccount = complaint.contains("is needed with")
            let (status, text) = try await check([], isAccount ? settings : whole.merging(settings) { $1 })
            #expect(status == 1 && text.contains("mediconnect: \(complaint)"), "\(settings): \(text)")
            #expect(!text.contains("quax"))
        }
    }

    @Test func `in a settings file, with and without quotes`() async throws {
        defer { folder.remove() }
        let token = try write("tok_quax", "token")
        func settings(_ more: String) -> String {
            #"{"legacy": {"url": "\#(Self.url)", "token": {"file": "\#(token)"}\#(more)}}"#
        }
        let fine = try await check(["--settings", try write(settings(#", "compared": 200, "rate": "70""#), "fine.json")])
        #expect(fine.status == 0, "\(fine.text)")
        for line in ["legacy.compared  200", "legacy.rate  70"] {
            #expect(fine.text.replacing(#/ +/#, with: "  ").contains(line), "\(fine.text)")
        }
        // A trial is one with and without quotes, too.
        for trial in ["true", #""true""#] {
            let text =
                #"{"legacy": {"url": "http://127.0.0.1:8090/legacy", "token": {"file": "\#(token)"}}, "partners": {"simulator": \#(trial)}}"#
            let heard = try await check(["--settings", try write(text, "trial.json")])
            #expect(heard.status == 0, "\(heard.text)")
        }
        for (more, complaint) in [
            (#", "compared": 9"#, "legacy.compared: must be from 10 to 100000"),
            (#", "compared": "9""#, "legacy.compared: must be from 10 to 100000"),
            (#", "compared": 10.5"#, "legacy.compared: must be from 10 to 100000"),
            (#", "rate": 0"#, "legacy.rate: must be from 1 to 1000"),
            (#", "rate": 1001"#, "legacy.rate: must be from 1 to 1000"),
            (#", "rate": "often""#, "legacy.rate: must be from 1 to 1000"),
        ] {
            let (status, text) = try await check(["--settings", try write(settings(more), "wrong.json")])
            #expect(status == 1 && text.contains("mediconnect: \(complaint)"), "\(more): \(text)")
        }
    }

    @Test func `in the file of its names, line by line and all at once`() async throws {
        defer { folder.remove() }
        let known = "01900000-0000-7000-8000-000000000101"
        let fine = try write(#"{"practitioners": {"dr-7": "\#(known)"}, "visitTypes": {"std": "\#(known)"}}"#, "fine.json")
        let listed = try await check([], ["LEGACY_NAMES_FILE": fine])
        #expect(listed.status == 0 && listed.text.contains("1 practitioners, 1 visit types"), "\(listed.text)")
        for (text, complaints) in [
            ("no json", ["legacy.names.file: line 1, #: "]),
            ("[]", ["legacy.names.file: line 1, #: must be a JSON object"]),
            ("{\n\"practitioners\": []}", ["legacy.names.file: line 2, #/practitioners: must be an object of names"]),
            (
                "{\n\"nurses\": {},\n\"practitioners\": {\"dr-7\": \"seven\"},\n\"visitTypes\": {\"\": \"\(known)\", \"std\": 7}}",
                [
                    "legacy.names.file: line 2, #/nurses: is not known here",
                    "legacy.names.file: line 3, #/practitioners/dr-7: must be an identifier",
                    "legacy.names.file: line 4, #/visitTypes/: must be an identifier",
                    "legacy.names.file: line 4, #/visitTypes/std: must be an identifier",
                ]
            ),
        ] {
            let file = try write(text, "wrong.json")
            let (status, said) = try await check([], ["LEGACY_NAMES_FILE": file])
            #expect(status == 1, "\(text): \(said)")
            for complaint in complaints { #expect(said.contains("mediconnect: \(complaint)"), "\(text): \(said)") }
        }
    }
}
