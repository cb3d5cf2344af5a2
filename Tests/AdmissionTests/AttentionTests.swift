import Admission
import Notation
import Testing

@Suite struct AConnection {
    private func later(_ seconds: Int) -> Instant { .start + .seconds(seconds) }

    @Test func `has ten seconds for the first head, however many bytes come meanwhile`() {
        var attention = Attention(at: .start)
        for second in 1...9 { attention.bytesCame(at: later(second)) }
        #expect(attention.deadline?.at == later(10) && attention.deadline?.1 == .slowHead)
    }

    @Test func `may rest a minute between requests, and then has ten seconds for a head again`() {
        var attention = Attention(at: .start)
        attention.headCame(at: later(1))
        attention.endCame()
        #expect(attention.deadline == nil, "it is the server who works")
        attention.answered(at: later(2))
        #expect(attention.deadline?.at == later(62) && attention.deadline?.1 == .idle)
        attention.bytesCame(at: later(40))
        attention.bytesCame(at: later(45))
        #expect(attention.deadline?.at == later(50) && attention.deadline?.1 == .slowHead)
    }

    @Test func `has twenty seconds for a body, also while it is answered already`() {
        var attention = Attention(at: .start)
        attention.headCame(at: later(3))
        #expect(attention.deadline?.at == later(23) && attention.deadline?.1 == .slowBody)
        attention.answered(at: later(4))
        #expect(attention.deadline?.at == later(23) && attention.deadline?.1 == .slowBody)
        attention.endCame()
        #expect(attention.deadline?.1 == .idle)
    }

    @Test func `that takes nothing is not waited for`() {
        var attention = Attention(at: .start)
        attention.headCame(at: .start)
        attention.endCame()
        attention.takes(false, at: later(5))
        attention.takes(false, at: later(9))
        #expect(attention.deadline?.at == later(25) && attention.deadline?.1 == .slowReader)
        attention.takes(true, at: later(10))
        #expect(attention.deadline == nil)
    }

    @Test func `is waited for while one of several requests is still answered`() {
        var attention = Attention(at: .start)
        for _ in 0..<3 {
            attention.headCame(at: .start)
            attention.endCame()
        }
        attention.answered(at: later(1))
        attention.answered(at: later(2))
        attention.bytesCame(at: later(3))
        #expect(attention.deadline == nil)
        attention.answered(at: later(4))
        #expect(attention.deadline?.at == later(64))
    }

    @Test func `is one of few from its address, and of all`() {
        var counts = ConnectionCounts(maximum: 10, maximumPerAddress: 4)
        let (one, another) = (NetworkAddress("192.0.2.1"), NetworkAddress("192.0.2.2"))
        #expect((0..<6).map { _ in counts.opens(from: one) } == [true, true, true, true, false, false])
        let isAnotherIn = counts.opens(from: another)
        #expect(isAnotherIn && counts.total == 5)
        #expect((0..<4).map { _ in counts.opens(from: nil) } == [true, true, true, true])
        #expect(!counts.isCrammed)
        let isLastIn = counts.opens(from: nil)
        #expect(isLastIn && counts.isCrammed)
        counts.closes(from: one)
        #expect(!counts.isCrammed)
        #expect((0..<2).map { _ in counts.opens(from: one) } == [true, false])
        for _ in 0..<4 { counts.closes(from: one) }
        for _ in 0..<5 { counts.closes(from: nil) }
        counts.closes(from: another)
        #expect(counts.total == 0)
        #expect([counts.opens(from: one)] == [true])
    }
}
