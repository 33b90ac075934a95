// The peer without framework: node:http and pg, the same statements and the same JSON as souk's
// detail and list of 20 (without total).
const http = require("node:http");
const { Pool } = require("pg");

const pool = new Pool({
    host: process.env.SOCKET, user: "souk", database: process.env.DATABASE, max: 8,
});
const DETAIL = { name: "detail", text: "select * from product_public where id = $1" };
const LIST = {
    name: "list",
    text: `select * from product_public order by "createdAt" desc, id desc limit 20`,
};

const rating = (average, count) => ({ average: Number(average), count: Number(count) });

const view = (row) => ({
    id: row.id, version: row.version, vendorId: row.vendorId,
    vendor: {
        id: row.vendorId, businessName: row["vendor.businessName"], slug: row["vendor.slug"],
        rating: rating(row["vendor.rating.average"], row["vendor.rating.count"]),
    },
    name: row.name, slug: row.slug, description: row.description,
    price: { amount: Number(row["price.amount"]), currency: row["price.currency"] },
    available: row.available, status: row.status, attributes: row.attributes,
    categories: row.categories, images: row.images,
    rating: rating(row["rating.average"], row["rating.count"]),
    createdAt: row.createdAt, updatedAt: row.updatedAt,
});

const FIXED = () => ({ name: "Monsoon coffee", price: { amount: 6000, currency: "USD" } });

async function answer(path) {
    if (path === "/fixed") return FIXED();
    if (path === "/") return { data: (await pool.query(LIST)).rows.map(view) };
    return view((await pool.query({ ...DETAIL, values: [path.slice(1)] })).rows[0]);
}

http.createServer(async (request, response) => {
    const body = JSON.stringify(await answer(request.url));
    response.writeHead(200, { "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body) });
    response.end(body);
}).listen(Number(process.env.PORT), "127.0.0.1");
