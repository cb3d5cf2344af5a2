import Notation
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        ("null", "null"), (" \t\r\n true \n", "true"), ("false", "false"), ("0", "0"), ("-0", "0"), ("-7", "-7"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"), ("1.5", "1.5"),
        ("-0.0", "-0.0"), ("1e2", "100.0"), ("1E+2", "100.0"), ("12.5e-1", "1.25"), ("0e0", "0.0"), ("\"\"", "\"\""),
        ("[]", "[]"), ("{}", "{}"),
        ("[1,[2,{\"a\":[]}]]", "[1,[2,{\"a\":[]}]]"), ("{ \"b\" : 1 , \"a\" : 2 }", "{\"b\":1,\"a\":2}"),
        ("{\"\":0}", "{\"\":0}"),
        (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\u0008\u000c\n\r\t""#), (#""\u0041\u00e9\u20AC""#, "\"Aé€\""),
        (#""\ud83d\ude00""#, "\"😀\""),
        (#""\u0000""#, #""\u0000""#), ("\"é€😀\u{7F}\u{2028}\"", "\"é€😀\u{7F}\u{2028}\""), (#""\uD800\uDC00""#, "\"\u{10000}\""),
        (#""\uDBFF\uDFFF""#, "\"\u{10FFFF}\""),
    ])
    func `a good document is read, and written so that it reads the same`(text: String, written: String) throws {
        let json = try JSON(parsing: text)
        #expect(json.text == written)
        #expect(try JSON(parsing: json.text) == json)
    }

    @Test(arguments: [
        // text, line, column
        ("", 1, 1), ("  ", 1, 3), ("\n\n", 3, 1), ("nul", 1, 1), ("True", 1, 1), ("nulll", 1, 5), ("NaN", 1, 1),
        ("Infinity", 1, 1),
        ("-", 1, 2), ("+1", 1, 1), (".5", 1, 1), ("1.", 1, 3), ("1e", 1, 3), ("1e+", 1, 4), ("1.e5", 1, 3), ("0x10", 1, 2),
        ("1_000", 1, 2),
        ("1 2", 1, 3), ("'a'", 1, 1), ("[1,]", 1, 4), ("[,1]", 1, 2), ("[1 2]", 1, 4), ("[1", 1, 3), ("]", 1, 1), ("[1}", 1, 3),
        ("{\"a\":1,}", 1, 8), ("{a:1}", 1, 2), ("{\"a\" 1}", 1, 6), ("{\"a\":}", 1, 6), ("{\"a\"", 1, 5), ("{1:2}", 1, 2),
        ("{\"a\":1 \"b\":2}", 1, 8),
        ("{}}", 1, 3), ("// no\n1", 1, 1), ("\u{FEFF}1", 1, 1), ("\"abc", 1, 5), ("\"a\\", 1, 4), ("\"tab\there\"", 1, 5),
        ("[\n  1,\n  2,\n  oops\n]", 4, 3), ("{\n\t\"a\": [\n\t\t1\n\t\t2\n\t]\n}", 4, 3),
    ])
    func `a bad document is refused where it goes wrong`(text: String, line: Int, column: Int) throws {
        let mistake = try #require(throws: JSONMistake.self) { try JSON(parsing: text) }
        #expect("\(mistake.line):\(mistake.column)" == "\(line):\(column)", "\(mistake.detail)")
    }

    @Test(arguments: [
        "01", "-01", "00", "1e400", "-1e400", "9223372036854775808", "-9223372036854775809", #""\x""#, #""\u12""#, #""\u12g4""#,
        #""\ud800""#,
        #""\ud800x""#, #""\ud800\n""#, #""\ud800\ud800""#, #""\udc00""#, #""\uDC00\uD800""#, "\"\u{0}\"", "\"\u{1F}\"",
        "\"line\nbreak\"",
        "{\"a\":1,\"b\":2,\"a\":3}", #"{"a":1,"\u0061":2}"#,
    ])
    func `what other readers let pass is refused here`(text: String) {
        #expect(throws: JSONMistake.self) { try JSON(parsing: text) }
    }

    /// Stray continuation, overlong, surrogate, beyond the last plane, cut off.
    @Test(arguments: [[0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xFF]] as [[UInt8]])
    func `text that is no UTF-8 is refused, with and without an escape in it`(bytes: [UInt8]) {
        #expect(throws: JSONMistake.self) { try JSON(parsing: [0x22] + bytes + [0x22]) }
        #expect(throws: JSONMistake.self) { try JSON(parsing: Array(#""\n"#.utf8) + bytes + [0x22]) }
    }

    @Test func `sixty-four levels are read, one more is refused`() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(throws: Never.self) { try JSON(parsing: nested(64)) }
        #expect(throws: JSONMistake.self) { try JSON(parsing: nested(65)) }
        #expect(throws: JSONMistake.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
        // Depth is how deep, not how many.
        #expect(throws: Never.self) {
            try JSON(parsing: "[" + Array(repeating: "[{}]", count: 1000).joined(separator: ",") + "]")
        }
    }

    @Test func `every value knows its line`() throws {
        let json = try JSON(parsing: Array("{\n \"a\": 1,\n \"b\": [\n  true,\n  {}\n ]\n}".utf8), startingAtLine: 10)
        #expect(json.line == 10 && json["a"]?.line == 11 && json["b"]?.line == 12)
        #expect(json["b"]?.array?.map(\.line) == [13, 14])
    }

    @Test func `a value is only what it is`() throws {
        let json = try JSON(parsing: #"{"text":"a","number":1,"list":[],"half":0.5}"#)
        #expect(
            json["text"]?.string == "a" && json["number"]?.integer == 1 && json["list"]?.array == []
                && json["half"]?.content == .number(0.5))
        #expect(
            json["text"]?.integer == nil && json["half"]?.integer == nil && json["list"]?.members == nil && json["none"] == nil)
        #expect(json["text"]?["a"] == nil)
    }

    @Test func `documents that differ in order and white space are one in canonical form`() throws {
        let one = try JSON(parsing: #"{"b":[1,{"y":1,"x":2}],"a":null,"B":"é"}"#)
        let other = try JSON(parsing: "{ \"B\": \"\\u00e9\",\n\"a\": null, \"b\": [ 1, {\"x\": 2, \"y\": 1} ] }")
        #expect(one.canonicalBytes == other.canonicalBytes)
        #expect(String(decoding: one.canonicalBytes, as: UTF8.self) == #"{"B":"é","a":null,"b":[1,{"x":2,"y":1}]}"#)
    }

    @Test(arguments: [(#"{"a":[1,2]}"#, #"{"a":[2,1]}"#), ("1", "1.0"), ("\"1\"", "1"), ("{}", "[]"), (#"{"a":null}"#, "{}")])
    func `documents that say something else have another canonical form`(one: String, other: String) throws {
        #expect(try JSON(parsing: one).canonicalBytes != JSON(parsing: other).canonicalBytes)
    }
}

@Suite struct JSONWriterTests {
    @Test func `members come in the order they are given, and nil is left out`() {
        var json = JSONWriter()
        json.object { json in
            json.member("id", ID<Int>(high: 1, low: 2))
            json.member("at", Instant("2026-03-01T09:00:00Z"))
            json.member("day", CalendarDay("2026-03-01"))
            json.member("none", nil as String?)
            json.member("yes", true)
            json.member("half", 0.5)
            json.member("names", ["a", "\"b\""])
            json.member("ids", [ID<Int>(high: 0, low: 0)])
            json.name("empty")
            json.object { _ in }
            json.name("list")
            json.array(of: [1, 2]) { $0.value($1) }
            json.name("nothing")
            json.null()
            json.name("raw")
            json.raw(Array("{}".utf8))
            json.member("last", 9)
        }
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"id":"00000000-0000-0001-0000-000000000002","at":"2026-03-01T09:00:00Z","day":"2026-03-01","yes":true,"half":0.5,"#
                + #""names":["a","\"b\""],"ids":["00000000-0000-0000-0000-000000000000"],"empty":{},"list":[1,2],"nothing":null,"raw":{},"last":9}"#
        )
    }

    @Test func `every character survives being written and read`() throws {
        let scalars =
            (0...0x2FFF).compactMap(Unicode.Scalar.init) + [0xFFFD, 0x10000, 0x1F600, 0x10FFFF].compactMap(Unicode.Scalar.init)
        let text = String(String.UnicodeScalarView(scalars))
        var json = JSONWriter()
        json.object { $0.member(text, text) }
        #expect(try JSON(parsing: json.bytes)[text]?.string?.unicodeScalars.elementsEqual(scalars) == true)
        #expect(!json.bytes.contains { $0 < 0x20 })
    }
}
