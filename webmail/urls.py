"""Every address of the product, one list per family of pages."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from webmail.views import health

operations: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *operations,
]
