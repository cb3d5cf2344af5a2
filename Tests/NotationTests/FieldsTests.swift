import Notation
import Testing

private enum Colour: String, CaseIterable { case red, green }

@Suite struct FieldsTests {
    private static func fields(_ text: String) throws -> Fields { Fields(try JSON(parsing: text)) }

    /// Every problem of a document as `pointer: detail @line`.
    private static func problems(_ text: String, _ read: (Fields) -> Void) throws -> [String] {
        let fields = try fields(text)
        read(fields)
        do {
            try fields.check()
            return []
        } catch { return error.problems.map { "\($0) @\($0.line)" } }
    }

    @Test func `a good document is read field by field`() throws {
        let fields = try Self.fields(
            #"""
            {"name": "Ada", "age": 36, "id": "01939f3a-7b2c-7def-8123-456789abcdef", "at": "2026-03-01T09:00:00Z", "day": "2026-03-01",
             "colour": "green", "ids": ["01939f3a-7b2c-7def-8123-456789abcdef"], "tags": ["a"], "sure": true, "none": null}
            """#)
        #expect(
            fields.text("name") == "Ada" && fields.integer("age", in: 0...150) == 36
                && fields.choice("colour", Colour.self) == .green)
        #expect(fields.id("id", Colour.self).version == 7 && fields.ids("ids", Colour.self, count: 1...2).count == 1)
        #expect(fields.instant("at") == Instant("2026-03-01T09:00:00Z") && fields.day("day") == CalendarDay("2026-03-01"))
        #expect(fields.texts("tags") == ["a"] && fields.optionalBool("sure") == true && fields.optionalText("none") == nil)
        #expect(fields.optionalInteger("absent", in: 1...2) == nil && fields.texts("absent too") == [] && !fields.has("none"))
        #expect(throws: Never.self) { try fields.check() }
    }

    @Test func `all mistakes are collected, each with its place and line`() throws {
        let text = """
            {
              "name": "",
              "age": 200,
              "id": "x",
              "at": "2026-03-01",
              "day": "2026-02-30",
              "colour": "blue",
              "sure": 1,
              "tags": ["a", ""],
              "extra": 1
            }
            """
        let problems = try Self.problems(text) { fields in
            _ = fields.text("name", max: 8)
            _ = fields.integer("age", in: 0...150)
            _ = fields.id("id", Colour.self)
            _ = fields.instant("at")
            _ = fields.day("day")
            _ = fields.choice("colour", Colour.self)
            _ = fields.optionalBool("sure")
            _ = fields.texts("tags")
            _ = fields.text("phone")
        }
        #expect(
            problems == [
                "#/name: must be text of 1 to 8 characters @2", "#/age: must be a whole number from 0 to 150 @3",
                "#/id: must be a UUID @4",
                "#/at: must be a time with an offset, such as 2026-03-01T09:00:00Z (RFC 3339) @5",
                "#/day: must be a day that exists, such as 2026-03-01 @6", "#/colour: must be one of \"red\", \"green\" @7",
                "#/sure: must be true or false @8", "#/tags/1: must be text of 1 to 64 characters @9", "#/phone: is missing @1",
                "#/extra: is not known here @10",
            ])
    }

    @Test func `nested objects and lists say where in them`() throws {
        let text = "{\"pets\": [\n{\"name\": \"Rex\"},\n{\"nam\": \"Mia\"},\n7],\n\"home\": {\"a/b\": 1, \"c~d\": 2}}"
        let problems = try Self.problems(text) { fields in
            fields.objects("pets") { _ = $0.text("name") }
            _ = fields.object("home") { $0.integer("a/b", in: 5...6) }
        }
        #expect(
            problems == [
                "#/pets/1/name: is missing @3", "#/pets/1/nam: is not known here @3", "#/pets/2: must be an object @4",
                "#/pets/2/name: is missing @4", "#/home/a~1b: must be a whole number from 5 to 6 @5",
                "#/home/c~0d: is not known here @5",
            ])
    }

    @Test(arguments: ["[]", "1", "null", "\"x\""]) func `what is no object says so once`(text: String) throws {
        #expect(try Self.problems(text) { _ in } == ["#: must be an object @1"])
    }

    @Test(arguments: ["1.0", "1e0", "\"1\"", "true", "9223372036854775807"])
    func `a number that is not whole, or not in range, is refused`(number: String) throws {
        #expect(try Self.problems("{\"n\": \(number)}") { _ = $0.integer("n", in: 0...9) }.count == 1)
    }

    @Test func `a required null is missing, and a caller's own objection joins the others`() throws {
        let problems = try Self.problems("{\"a\": null,\n\"b\": 2}") { fields in
            _ = fields.text("a")
            _ = fields.integer("b", in: 0...9)
            fields.reject("b", "must be odd")
        }
        #expect(problems == ["#/a: is missing @1", "#/b: must be odd @2"])
    }

    @Test func `no problem repeats the value, which may be somebody's name`() throws {
        let problems = try Self.problems(#"{"a": "Ada Lovelace", "b": "Ada Lovelace", "c": "Ada Lovelace"}"#) { fields in
            _ = fields.integer("a", in: 0...9)
            _ = fields.choice("b", Colour.self)
            _ = fields.text("c", max: 3)
        }
        #expect(problems.count == 3 && !problems.joined().contains("Ada"))
    }
}
