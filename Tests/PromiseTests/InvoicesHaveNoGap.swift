import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// Invoices are numbered from 1 without a gap, whatever is booked at the same time and whatever comes to nothing (HB-3).
    @Suite struct InvoicesHaveNoGap {
        /// Many pay at once, at two nodes that break after every second number they take.
        private func numbers(
            _ engine: Engine, _ tamper: @escaping @Sendable (any WriteTransaction) -> any WriteTransaction
        ) async throws -> [Int] {
            var numbers: [Int] = []
            try await PayingClinic.open(engine, patients: 16, practitioners: 16) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                var intents: [Payment] = []
                for patient in 0..<16 { intents.append(try await paying.held(patient: patient, with: patient, at: start).intent) }
                for intent in intents { try await paying.tell(paying.desk.pay(intent.id)) }
                let breaking = [0, 1].map { _ in
                    Clinic(
                        database: TamperedDatabase(paying.fixture.database, tamper), surroundings: paying.fixture.surroundings,
                        master: TestKeys.master)
                }
                for clinic in breaking { try await clinic.readKeys() }
                for _ in 0..<40 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (number, clinic) in breaking.enumerated() {
                            group.addTask { try await paying.deliver(at: clinic, named: "w\(number)") }
                        }
                        try await group.waitForAll()
                    }
                    // What failed comes again, and the holds still run.
                    paying.clock.advance(by: .seconds(2))
                }
                for patient in 0..<16 { #expect(try await paying.alive(of: patient).map(\.state) == [.booked], "\(patient)") }
                for patient in 0..<4 {
                    for one in try await paying.alive(of: patient) {
                        _ = await paying.fixture.cancel(one.id, by: paying.plan.patientCaller(patient))
                    }
                }
                numbers = try await paying.numbers()
            }
            return numbers
        }

        @Test(arguments: Engine.allCases) func `with many who pay at once, and bookings that come to nothing`(engine: Engine)
            async throws
        {
            let count = Count()
            let numbers = try await numbers(engine) { Breaking($0, count) }
            #expect(numbers == Array(1...20), "sixteen invoices and four credit notes")
            #expect(count.value > 4, "some did break")
        }

        @Test(arguments: Engine.allCases) func `would be seen: numbers that are not given back leave gaps`(engine: Engine)
            async throws
        {
            let (count, last) = (Count(), Count())
            let numbers = try await numbers(engine) { Breaking($0, count, numbering: last) }
            #expect(numbers.prefix(16) != Array(1...16)[...])
        }
    }
}

private final class Count: Sendable {
    private let kept = Mutex(0)
    var value: Int { kept.withLock { $0 } }
    func next() -> Int {
        kept.withLock {
            $0 += 1
            return $0
        }
    }
}

/// Breaks at every third invoice that is written; with `numbering` it takes numbers as a sequence gives them, for good.
private final class Breaking: PassingTransaction {
    struct Fault: Error {}
    private let count: Count
    private let numbering: Count?

    init(_ inner: any WriteTransaction, _ count: Count, numbering: Count? = nil) {
        self.count = count
        self.numbering = numbering
        super.init(inner)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        if let numbering, "\(Asked.self)" == "NextInvoiceNumber" { return numbering.next() as? Asked.Row }
        return try super.first(query)
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        if "\(Asked.self)" == "InsertInvoice", count.next() % 3 == 0 { throw Fault() }
        return try super.run(command)
    }
}
