import Notation
import Testing

/// Lists go on by cursor (MA-6). That page 1,000 costs what page 1 costs is in `ThePlans`: every list reads along an index.
@Suite struct AList {
    @Test func `has twenty entries unless another number is asked for`() async throws {
        try await inHouse { visitor in
            for _ in 0..<45 { _ = try await visitor.booked() }
            let path = "/v1/appointments?patient=\(Known.emma)"
            let first = try await visitor.get(path)
            #expect(first.items.count == 20 && first.next != nil)
            #expect(try await visitor.get(path + "&limit=200").items.count == 45)
            #expect(try await visitor.get(path + "&limit=200").next == nil)
            #expect(try await visitor.get(path + "&limit=45").next == nil, "nothing is behind the last")
            #expect(try await visitor.get(path + "&limit=44").next != nil)
        }
    }

    @Test(arguments: [1, 2, 7, 20, 44, 45, 200]) func `read to the end has each entry once and in order`(limit: Int) async throws
    {
        try await inHouse { visitor in
            for _ in 0..<45 { _ = try await visitor.booked() }
            for list in [
                "/v1/appointments?patient=\(Known.emma)", "/v1/appointments?practitioner=\(Known.brandt)",
                "/v1/appointments?from=2026-03-01T00:00:00Z",
            ] {
                let all = try await visitor.pages(of: list, limit: limit)
                let starts = all.compactMap { $0["start"]?.string }
                #expect(
                    all.count == 45 && Set(all.compactMap { $0["id"]?.string }).count == 45 && starts == starts.sorted(),
                    "\(list)")
            }
        }
    }

    @Test func `with several at one start loses none between two pages`() async throws {
        try await inHouse { visitor in
            let start = visitor.house.newStart()
            for (practitioner, patient) in [(Known.brandt, Known.emma), (Known.keller, Known.noah), (Known.okafor, Known.lina)] {
                _ = try await visitor.booked(at: start, with: practitioner, for: [patient])
            }
            let all = try await visitor.pages(of: "/v1/appointments", limit: 1)
            #expect(all.count == 3 && Set(all.compactMap { $0["start"]?.string }) == [start])
            let ids = all.compactMap { $0["id"]?.string }
            #expect(ids == ids.sorted())
        }
    }

    @Test func `goes on where it stopped, whatever was added or cancelled meanwhile`() async throws {
        try await inHouse { visitor in
            let starts = (0..<12).map { _ in visitor.house.newStart() }
            var ids: [String] = []
            for start in starts[2..<8] { ids.append(try await visitor.booked(at: start).id) }
            let path = "/v1/appointments?patient=\(Known.emma)&limit=3"
            let first = try await visitor.get(path)
            #expect(first.items.compactMap { $0["id"]?.string } == Array(ids[..<3]))
            _ = try await visitor.booked(at: starts[0])
            _ = try await visitor.booked(at: starts[1])
            let later = try await visitor.booked(at: starts[9])
            try await visitor.do("cancellation", to: ids[2])
            let rest = try await visitor.pages(of: path.replacing("&limit=3", with: ""), limit: 3, after: first.next)
            #expect(rest.compactMap { $0["id"]?.string } == Array(ids[3...]) + [later.id])
        }
    }

    @Test func `of appointments has what starts in its range, the end not included`() async throws {
        try await inHouse { visitor in
            for hour in ["08", "09", "10", "11"] { _ = try await visitor.booked(at: "2026-03-10T\(hour):00:00Z") }
            let range = "from=2026-03-10T09:00:00Z&to=2026-03-10T11:00:00Z"
            for list in ["patient=\(Known.emma)", "practitioner=\(Known.brandt)"] {
                let starts = try await visitor.get("/v1/appointments?\(list)&\(range)").items.compactMap { $0["start"]?.string }
                #expect(starts == ["2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z"])
            }
            #expect(try await visitor.get("/v1/appointments?\(range)").items.count == 2)
            #expect(try await visitor.get("/v1/appointments?from=2026-03-11T00:00:00Z").items.isEmpty)
            #expect(try await visitor.get("/v1/appointments?patient=\(Known.emma)&to=2026-03-10T08:30:00Z").items.count == 1)
        }
    }

    @Test func `of free times goes on by cursor too, for one practitioner and for all`() async throws {
        try await inHouse { visitor in
            for list in ["practitioner=\(Known.brandt)", "location=\(Known.river)", "to=2026-03-04T00:00:00Z"] {
                let path =
                    "/v1/free-times?visitType=\(Known.consultation)&from=2026-03-03T00:00:00Z&to=2026-03-04T00:00:00Z&\(list)"
                let query = list.hasPrefix("to=") ? path.replacing("&to=2026-03-04T00:00:00Z&to", with: "&to") : path
                let whole = try await visitor.get(query + "&limit=200")
                let pages = try await visitor.pages(of: query, limit: 7)
                #expect(pages == whole.items && whole.items.count > 20 && whole.next == nil, "\(list)")
            }
        }
    }

    @Test func `of the directory goes on by cursor`() async throws {
        try await inHouse { visitor in
            for number in 0..<25 {
                try await visitor.send(
                    .post("/v1/rooms", #"{"name":"Room \#(number)","location":"\#(Known.river)"}"#), by: .admin)
            }
            #expect(try await visitor.get("/v1/rooms").items.count == 20)
            let all = try await visitor.pages(of: "/v1/rooms", limit: 4)
            #expect(Set(all.compactMap { $0["id"]?.string }).count == 28 && all.count == 28)
        }
    }

    @Test func `of notices and of an audit goes on by cursor, oldest first`() async throws {
        try await inHouse { visitor in
            var id = ""
            for _ in 0..<7 { id = try await visitor.booked().id }
            for _ in 0..<6 { try await visitor.do("rescheduling", to: id, #"{"start":"\#(visitor.house.newStart())"}"#) }
            try await visitor.house.deliver()
            for (list, count) in [
                ("/v1/mailbox", 26), ("/v1/mailbox?recipient=\(Known.emma)", 13),
            ] {
                let all = try await visitor.pages(of: list, limit: 3)
                let ids = all.compactMap { $0["id"]?.string }
                #expect(all.count == count && Set(ids).count == count && ids == ids.sorted(), "\(list): \(all.count)")
            }
            // Each page is a read, which the next one finds at the end: seven changes on three pages, then what was read meanwhile.
            let audit = try await visitor.pages(of: "/v1/appointments/\(id)/audit", limit: 3)
            let (ids, changes) = (audit.compactMap { $0["id"]?.string }, audit.filter { $0["toState"] != nil })
            #expect(changes.count == 7 && Set(ids).count == ids.count && ids == ids.sorted(), "\(audit.count)")
            #expect(audit.dropFirst(7).allSatisfy { $0["act"]?.string == "read.audit" } && audit.count <= 12, "\(audit.count)")
        }
    }
}

extension Visitor {
    /// All pages of a list, one after the other.
    func pages(of path: String, limit: Int, after cursor: String? = nil) async throws -> [JSON] {
        var all: [JSON] = []
        var next = cursor
        repeat {
            let more = next.map { "&cursor=\($0)" } ?? ""
            let page = try await get("\(path)\(path.contains("?") ? "&" : "?")limit=\(limit)\(more)")
            #expect(page.items.count <= limit)
            all += page.items
            next = page.next
        } while next != nil && all.count < 2000
        return all
    }
}
