import Scheduling
import Testing

/// What invoices say of tax (HB-3).
@Suite struct Tax {
    @Test(arguments: [
        (4500, 1900, 718), (119, 1900, 19), (1, 1900, 0), (4500, 0, 0), (107, 700, 7), (100, 10_000, 50),
        (99_999_999, 2_000, 16_666_666),
    ])
    func `is in the amount, and rounded as the guide has it`(amount: Int, rate: Int, tax: Int) {
        #expect(Price(amount: amount, currency: "eur", taxRate: rate).tax(in: amount) == tax)
    }

    @Test func `is nothing where nobody said anything of it`() {
        let price = Price(amount: 4500, currency: "eur")
        #expect(price.tax(in: 4500) == nil && price.tax(in: 10, after: 10) == nil)
    }

    @Test(arguments: [0, 1, 550, 700, 1900, 2000, 10_000])
    func `of all parts is the tax of the whole, however it is taken apart`(rate: Int) {
        for amount in [1, 2, 99, 100, 101, 4_500, 99_999_999] {
            let price = Price(amount: amount, currency: "eur", taxRate: rate)
            for parts in [1, 2, 3, 7, 16] {
                var (given, tax) = (0, 0)
                for part in 0..<parts {
                    let next = part == parts - 1 ? amount - given : amount / parts
                    let own = price.tax(in: next, after: given)!
                    #expect(own >= 0 && own <= next)
                    (given, tax) = (given + next, tax + own)
                }
                #expect(tax == price.tax(in: amount))
            }
        }
    }
}
