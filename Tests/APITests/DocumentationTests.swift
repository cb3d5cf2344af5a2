import API
import Foundation
import Notation
import Scheduling
import Testing
import Workflows

/// What stands in `docs/api` is what the program says.
@Suite struct TheDocuments {
    @Test func `are those the program would write today`() async throws {
        try await inHouse { visitor in
            let served = try await visitor.get("/openapi.json", by: nil)
            let today = [
                "openapi.json": Documents.pretty(served.json) + "\n",
                "import.schema.json": Documents.pretty(try JSON(parsing: ImportSchema.document())) + "\n",
                "problems.md": Documents.problems(), "import.md": Documents.importGuide(),
            ]
            for (name, text) in today {
                let file = Documents.folder.appendingPathComponent(name)
                if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
                    try text.write(to: file, atomically: true, encoding: .utf8)
                }
                let committed = try? String(contentsOf: file, encoding: .utf8)
                #expect(committed == text, "\(name) is not what the program says; run: \(Documents.regenerate)")
            }
        }
    }

    @Test func `have examples of an import that nothing is wrong with`() async throws {
        let examples = Documents.importGuide().matches(of: #/```json\n((?s).*?)```/#).map { String($0.1) }
        #expect(examples.count == 2)
        for example in examples {
            let house = try await House(document: example)
            #expect(try await house.clinic.currentDirectory().locations.count == 1)
            await house.close()
        }
    }

    @Test func `have a schema that knows every kind, and every reference in it leads somewhere`() throws {
        let schema = try JSON(parsing: ImportSchema.document())
        #expect(schema["properties"]?.members?.map(\.name) == ImportKind.allCases.map(\.plural))
        let definitions = Set(schema["$defs"]?.members?.map(\.name) ?? [])
        let references = String(decoding: ImportSchema.document(), as: UTF8.self).matches(of: #/"\$ref":"#\/\$defs\/([^"]+)"/#)
            .map { String($0.1) }
        #expect(Set(references) == definitions)
    }

    @Test func `have a schema whose demands are the import's own`() async throws {
        let schema = try JSON(parsing: ImportSchema.document())
        for kind in ImportKind.allCases where kind != .appointment {
            let shape = schema["$defs"]?[ImportSchema.schema(of: kind)]
            let required = (shape?["required"]?.array ?? []).compactMap(\.string) + ImportSchema.required(kind)
            let missing = try await problems(with: #"{"\#(kind.plural)":[{}]}"#)
            let named = missing.map { $0.pointer.split(separator: "/").last.map(String.init) ?? "" }.filter { !$0.isEmpty }
            // A visit type needs a specialty or practitioners, which the schema leaves to the import.
            #expect(Set(named).subtracting(["specialty"]) == Set(required).subtracting(["specialty"]), "\(kind)")
        }
    }

    private func problems(with document: String) async throws -> [FieldProblem] {
        let house = try await House(document: "{}")
        var found: [FieldProblem] = []
        do { _ = try await house.clinic.importClinic(Array(document.utf8)) } catch let problems as ImportProblems {
            found = problems.problems
        }
        await house.close()
        return found
    }
}
