// The peer with framework and ORM: NestJS on Express with Prisma, over souk's own tables, as their
// guides write it. Detail, list of 20 without total, and a cart's add: token, checked body, product,
// shelf, cart, line, and the cart as the answer.
import "reflect-metadata";
import {
    Body, CanActivate, Controller, ExecutionContext, Get, HttpCode, HttpException, Injectable,
    Module, NotFoundException, Param, ParseUUIDPipe, Post, Req, UnauthorizedException, UseGuards,
    ValidationPipe,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { JwtModule, JwtService } from "@nestjs/jwt";
import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "@prisma/client";
import { IsInt, IsUUID, Max, Min } from "class-validator";

@Injectable()
class PrismaService extends PrismaClient {
    constructor() {
        super({ adapter: new PrismaPg({
            host: process.env.SOCKET, user: "souk", database: process.env.DATABASE, max: 8,
        }) });
    }
}

const CARD = {
    vendor: true, stock: true, images: { orderBy: { position: "asc" } },
    categories: { include: { category: true } },
} as const satisfies Prisma.ProductInclude;
const ON_SALE = { status: "PUBLISHED", vendor: { status: "ACTIVE" } };

type ProductWithCard = Prisma.ProductGetPayload<{ include: typeof CARD }>;

const view = (product: ProductWithCard) => ({
    id: product.id, version: product.version, vendorId: product.vendorId,
    vendor: {
        id: product.vendor.id, businessName: product.vendor.businessName,
        slug: product.vendor.slug,
        rating: {
            average: Number(product.vendor.ratingAverage), count: product.vendor.ratingCount,
        },
    },
    name: product.name, slug: product.slug, description: product.description,
    price: { amount: Number(product.priceMinor), currency: product.currency },
    available: product.stock ? product.stock.stock - product.stock.reserved : 0,
    status: product.status, attributes: product.attributes,
    categories: product.categories.map(({ category }) => ({
        id: category.id, name: category.name, slug: category.slug,
    })),
    images: product.images.map(({ id, url, alt, position, width, height }) => ({
        id, url, alt, position, width, height,
    })),
    rating: { average: Number(product.ratingAverage), count: product.ratingCount },
    createdAt: product.createdAt, updatedAt: product.updatedAt,
});

@Injectable()
class ProductsService {
    constructor(private readonly prisma: PrismaService) {}

    async list() {
        const products = await this.prisma.product.findMany({
            where: ON_SALE, include: CARD, orderBy: [{ createdAt: "desc" }, { id: "desc" }],
            take: 20,
        });
        return { data: products.map(view) };
    }

    async detail(id: string) {
        const product = await this.prisma.product.findFirst({
            where: { id, ...ON_SALE }, include: CARD,
        });
        if (!product) throw new NotFoundException();
        return view(product);
    }
}

@Controller("products")
class ProductsController {
    constructor(private readonly products: ProductsService) {}

    @Get()
    list() {
        return this.products.list();
    }

    @Get(":id")
    detail(@Param("id", ParseUUIDPipe) id: string) {
        return this.products.detail(id);
    }
}

@Injectable()
class TokenGuard implements CanActivate {
    constructor(private readonly jwt: JwtService) {}

    async canActivate(context: ExecutionContext) {
        const request = context.switchToHttp().getRequest();
        const [, token] = (request.headers.authorization ?? "").split(" ");
        try {
            request.user = await this.jwt.verifyAsync(token);
        } catch {
            throw new UnauthorizedException();
        }
        return true;
    }
}

class AddItem {
    @IsUUID()
    productId: string;

    @IsInt()
    @Min(1)
    @Max(999)
    quantity: number;
}

const LINES = {
    items: {
        orderBy: { createdAt: "asc" }, include: { product: { include: CARD } },
    },
} as const satisfies Prisma.CartInclude;

@Injectable()
class CartService {
    constructor(private readonly prisma: PrismaService) {}

    async add(userId: string, { productId, quantity }: AddItem) {
        const buyer = await this.prisma.buyer.findUnique({ where: { userId } });
        if (!buyer) throw new UnauthorizedException();
        const product = await this.prisma.product.findFirst({
            where: { id: productId, ...ON_SALE }, include: { stock: true },
        });
        if (!product) throw new NotFoundException();
        const cart = await this.prisma.cart.findUnique({ where: { buyerId: buyer.id } })
            ?? await this.prisma.cart.create({ data: { buyerId: buyer.id } });
        const line = { cartId_productId: { cartId: cart.id, productId } };
        const present = await this.prisma.cartItem.findUnique({ where: line });
        const wanted = quantity + (present?.quantity ?? 0);
        if (!product.stock || wanted > product.stock.stock - product.stock.reserved)
            throw new HttpException("Insufficient stock for product", 400);
        if (present)
            await this.prisma.cartItem.update({ where: line, data: { quantity: wanted } });
        else
            await this.prisma.cartItem.create({ data: {
                cartId: cart.id, productId, quantity, seenPriceMinor: product.priceMinor,
            } });
        return this.cart(cart.id);
    }

    private async cart(id: string) {
        const cart = await this.prisma.cart.findUniqueOrThrow({ where: { id }, include: LINES });
        const items = cart.items.map((item) => ({
            id: item.id, quantity: item.quantity, product: view(item.product),
            lineTotal: {
                amount: Number(item.product.priceMinor) * item.quantity,
                currency: item.product.currency,
            },
        }));
        return { items, subtotal: items.reduce((sum, item) => sum + item.lineTotal.amount, 0) };
    }
}

@Controller("cart")
@UseGuards(TokenGuard)
class CartController {
    constructor(private readonly carts: CartService) {}

    @Post("items")
    @HttpCode(201)
    add(@Req() request: { user: { sub: string } }, @Body() body: AddItem) {
        return this.carts.add(request.user.sub, body);
    }
}

@Module({
    imports: [JwtModule.register({ secret: process.env.SECRET })],
    controllers: [ProductsController, CartController],
    providers: [PrismaService, ProductsService, CartService],
})
class AppModule {}

async function main() {
    const app = await NestFactory.create(AppModule, { logger: ["error"] });
    app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
    await app.listen(Number(process.env.PORT), "127.0.0.1");
}

void main();
